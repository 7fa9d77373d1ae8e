"""Tests of the pages, on fakes of the use cases."""
