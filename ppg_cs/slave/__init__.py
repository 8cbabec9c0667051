"""What makes a compute slave a machine of a cluster: the ppg-slave daemon, and sessions of masters elsewhere.

    daemon            `command`, `daemon` (shell), `core` (decisions), `sessions` (its children), `leftovers`
    session process   `session`, `cluster_supervisor` (shell), `cluster_core` (decisions), `parts`, `fitness`
    data process      `data_process`, `surroundings`

The embedded mode imports nothing of this.
"""
