"""A daemon that has nothing to do leaves as soon as the coordinator knows, and at once where there is none."""

from __future__ import annotations

import signal

from .hosts import Cluster

UNTOLD = "could not be told"


def test_the_goodbye_is_acknowledged_long_before_a_heartbeat(cluster: Cluster) -> None:
    cluster.environment |= {"PPG_HEARTBEAT": "20", "PPG_LEASE": "100"}
    cluster.up("a")
    cluster.kill("a", signal.SIGTERM)
    assert cluster.processes["a"].wait() == 0
    assert "leaving" in cluster.log_of("a")
    assert UNTOLD not in cluster.log_of("a")


def test_a_coordinator_that_is_gone_is_not_waited_for(cluster: Cluster) -> None:
    cluster.environment |= {"PPG_HEARTBEAT": "20", "PPG_LEASE": "100"}
    cluster.up("a")
    cluster.kill("coordinator")
    cluster.kill("a", signal.SIGTERM)
    assert cluster.processes["a"].wait() == 0
    assert f"{UNTOLD}: nobody listens" in cluster.log_of("a")


def test_a_run_that_is_over_is_acknowledged_long_before_a_heartbeat(cluster: Cluster) -> None:
    """It waits for that as if for ever here. What ends with it is told of, and that carries the acknowledgement."""
    cluster.environment |= {"PPG_HEARTBEAT": "1000", "PPG_LEASE": "5000"}
    cluster.up("a")
    cluster.run(
        "import ppg_mcp.cluster.machines\n"
        "ppg_mcp.cluster.machines.DELIVERY_PATIENCE_S = 1e6\n"
        "ppg.FileGeneratingJob('a', lambda: Path('a').write_text('a'))\n"
        "ppg.run()\n"
    )
