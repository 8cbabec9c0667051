"""Dask.distributed with two worker processes: dask_independent.py JOBS [--chain]

Tasks that write five bytes each, independent or each after the one before.
"""

import sys

from dask.distributed import Client, LocalCluster


def write(number: int, before: object = None) -> None:
    with open(f"out_{number}.txt", "w") as file:
        file.write("hello")


def main() -> None:
    jobs = int(sys.argv[1])
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        if "--chain" in sys.argv:
            last = None
            for number in range(jobs):
                last = client.submit(write, number, last, pure=False)
            client.gather(last)
        else:
            client.gather(client.map(write, range(jobs), pure=False))


if __name__ == "__main__":
    main()
