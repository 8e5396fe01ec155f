# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How xdist's workers come to their lanes. Apart from the lanes: a machine on which tests run alone has no xdist."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from xdist.scheduler import LoadScopeScheduling

from tests import lanes


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands a worker the next unit of its lane. No worker has more than one test waiting behind the one it runs."""

    def _assign_work_unit(self, node: Any) -> None:
        for wanted in lanes.LANES.get(node.gateway.id, lanes.OTHERS):
            scope = next((scope for scope in self.workqueue if lanes.kind(scope) == wanted), None)
            if scope is not None:
                self.workqueue.move_to_end(scope, last=False)
                break
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        if self.workqueue and self._pending_of(self.assigned_work[node]) > 1:
            return
        super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        if path.parent.name in lanes.ALONE and f"{path.parent.name}/{path.name}" not in lanes.WHOLE:
            return nodeid
        return str(super()._split_scope(nodeid))
