"""The morning review: one document of what a night brought, ranked for a person, and the forms it is read in."""

from nightwork.review.document import ReviewDocument
from nightwork.review.queue import Reviewed, build

__all__ = ["ReviewDocument", "Reviewed", "build"]
