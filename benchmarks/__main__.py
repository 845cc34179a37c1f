"""`make bench`: every measurement in one run."""

from benchmarks import archive, catalog, imaging, models, pipeline, web

for measurement in (models, pipeline, imaging, archive, catalog, web):
    measurement.main()
    print()
