"""Peak memory of `sercli featurize` on one store."""

import resource
import subprocess
import sys

subprocess.run([sys.executable, "-m", "sercli", "featurize", sys.argv[1]], check=True, stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{sys.argv[1].rpartition('/')[2]}: peak of featurize {peak:.0f} MiB")
