"""Why a session has no more, in words that its user can act on."""

from __future__ import annotations

from arbiter_cluster import GB, Cluster

NARROW = (1, 0)


def why(cluster: Cluster, session: str) -> str:
    return cluster.arbiter.why_waiting(session, lambda machine: f"node-{machine}")


def full_of_narrow_jobs(*machines: str) -> Cluster:
    cluster = Cluster(*[(machine, 8, 64 * GB) for machine in machines])
    cluster.open("ann")
    cluster.demand("ann", (*NARROW, 100))
    cluster.settle()
    cluster.fill()
    return cluster


def test_who_has_all_that_is_wanted_waits_for_nothing() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    cluster.open("ann")
    assert why(cluster, "ann") == ""
    cluster.demand("ann", (*NARROW, 8))
    cluster.settle()
    assert why(cluster, "ann") == ""
    assert why(cluster, "nobody") == ""


def test_no_daemon() -> None:
    cluster = Cluster()
    cluster.open("ann")
    cluster.demand("ann", (*NARROW, 1))
    assert why(cluster, "ann") == "no ppg-slave is registered"
    cluster.join("m", 8, users=["ben"])
    cluster.advance(1)
    assert why(cluster, "ann") == "no ppg-slave of user ann is registered"


def test_nothing_that_can_be_used() -> None:
    cluster = Cluster(("m0", 8, 64 * GB), ("m1", 8, 64 * GB))
    cluster.open("ann")
    cluster.drain("m0")
    cluster.exclude("ann", "m1")
    cluster.demand("ann", (*NARROW, 1))
    cluster.advance(1)
    assert why(cluster, "ann") == (
        "none of the machines with a ppg-slave of user ann can be used: node-m0 is drained and node-m1 can't work for "
        "this pipegraph"
    )


def test_jobs_that_fit_nowhere() -> None:
    cluster = Cluster(("m", 8, 512 * GB), ("n", 16, 64 * GB))
    for name, shape, expected in (
        ("cores", (17, 0, 1), "a job needs 17 cores; the largest machine usable has 16"),
        ("memory", (1, 900 * GB, 1), "a job needs 900 GB of memory; the largest machine usable has 512 GB"),
        ("both", (16, 128 * GB, 1), "a job needs 16 cores and 128 GB of memory; no machine usable has both"),
    ):
        cluster.open(name)
        cluster.demand(name, shape)
        cluster.settle()
        assert why(cluster, name) == expected
    cluster.open("data")
    cluster.demand("data", (1, 12 * GB, 1), data_bytes=600 * GB)
    cluster.settle()
    assert why(cluster, "data") == (
        "a job needs 612 GB of memory, 600 GB of them for loaded data; the largest machine usable has 512 GB"
    )


def test_others_are_in_the_way() -> None:
    cluster = Cluster(("m0", 8, 64 * GB), ("m1", 8, 64 * GB))
    for name in ("ann", "ben"):
        cluster.open(name)
        cluster.demand(name, (*NARROW, 100))
        cluster.settle()
    assert why(cluster, "ben") == "all 16 cores of 2 machines are in use by ann (8) and ben (8)"


def test_memory_is_in_the_way() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    for name, data in (("ann", 30), ("ben", 31)):
        cluster.open(name)
        cluster.demand(name, (1, GB, 2), data_bytes=data * GB)
    cluster.settle()
    assert why(cluster, "ben") == (
        "no room for another of its jobs on 1 machine: 3 of 8 cores and 64 GB of 64 GB of memory are in use by "
        "ann (2) and ben (1)"
    )


def test_what_is_meant_for_it_is_still_in_use() -> None:
    cluster = full_of_narrow_jobs("m")
    cluster.open("ben")
    cluster.demand("ben", (*NARROW, 2))
    cluster.advance(1)
    assert why(cluster, "ben") == "waits until jobs of ann on node-m have ended: these cores are meant for it"
    cluster.settle()
    assert why(cluster, "ben") == ""


def test_a_machine_drains_and_another_job_is_behind() -> None:
    cluster = full_of_narrow_jobs("m")
    for name in ("ben", "cyd"):
        cluster.open(name)
        cluster.demand(name, (-2, 0, 1))
        cluster.advance(1)
    assert why(cluster, "ben") == (
        "waits for node-m to drain for a job that needs all of it (8 cores still in use there by ann (8))"
    )
    cluster.sessions["ann"].finish("m", 5)
    cluster.advance(1)
    assert "(3 cores still in use there by ann (3))" in why(cluster, "ben")
    assert why(cluster, "cyd").startswith("a job that needs a machine for itself waits for its turn")
