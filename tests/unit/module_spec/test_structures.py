import pytest

from nightwork.module_spec.render.structures import bases_of


@pytest.mark.parametrize(
    ("signature", "bases"),
    [
        ("class A", []),
        ("class A()", []),
        ("class A(B)", ["B"]),
        ("class A(B, c.D, metaclass=M)", ["B", "c.D"]),
        ("class A(*bases, **options)", ["bases"]),
        ("class A(Generic[K, V], Mapping[K, list[V]])", ["Generic", "Mapping"]),
        ("class A(make(1, x=2), B)", ["make", "B"]),
        ("class A[T: (int, str)](B[T])", ["B"]),
        ("class A extends B<C, D> implements E, F", ["B", "E", "F"]),
        ("interface A<T extends X> extends B<T>", ["B"]),
        ("class A implements E", ["E"]),
        ("class A(" + "(" * 50_000, []),
    ],
)
def test_the_bases_of_a_class_are_read_from_its_signature(signature: str, bases: list[str]) -> None:
    assert bases_of(signature) == bases
