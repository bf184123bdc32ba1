"""Compile the kernels: every `.pyx` under `src/datumaro/kernels` becomes one extension module.

What Cython would add to each of them (memory views, above all) is compiled once, as a module that
it makes: it takes longer than most kernels do themselves. All are optimised (``-O3``), unless the
environment's ``CFLAGS`` say how much.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = Path("src/datumaro/kernels")
SHARED = [str(path) for path in sorted(KERNELS.glob("*.pxd"))]
CORES = os.cpu_count() or 1
COMMON = "datumaro.kernels._cython"
FLAGS = [] if os.name == "nt" else ["-g0", "-fno-strict-aliasing"]
if os.name != "nt" and "-O" not in os.environ.get("CFLAGS", ""):
    FLAGS.append("-O3")

if __name__ == "__main__":  # Cython's own processes may import this file again
    setup(
        ext_modules=cythonize(
            [
                Extension(COMMON, [str(KERNELS / "_cython.c")], extra_compile_args=FLAGS),
                *(
                    Extension(
                        f"datumaro.kernels.{path.stem}",
                        [str(path)],
                        depends=SHARED,  # a changed .pxd recompiles what may include it
                        extra_compile_args=FLAGS,
                    )
                    for path in sorted(KERNELS.glob("*.pyx"))
                ),
            ],
            shared_utility_qualified_name=COMMON,
            compiler_directives={
                "language_level": 3,
                "boundscheck": False,
                "wraparound": False,
                "cdivision": True,
                "initializedcheck": False,
            },
            nthreads=CORES,
        ),
        options={"build_ext": {"parallel": CORES}},
    )
