# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A contract of import-linter's that is ours: packages that may import what is listed, and nothing else."""

from __future__ import annotations

import grimp
from importlinter import Contract, ContractCheck, fields, output


class AllowedContract(Contract):
    """What is not listed is refused, so that a module which nobody thought of cannot come in.

    Options: `source_modules`, packages with all below them; `allowed_modules`, with all below those. Standard modules
    count by their first name (`collections`), ours by their whole one.
    """

    type_name = "allowed"

    source_modules = fields.ListField(subfield=fields.ModuleField())
    allowed_modules = fields.ListField(subfield=fields.ModuleField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - as the base has it
        """Look at each import of the sources, also those inside functions."""
        sources = [source.name for source in self.source_modules]  # type: ignore[attr-defined]  # a field is what it was parsed into
        importers = {name for source in sources for name in (source, *graph.find_descendants(source))}
        allowed = [module.name for module in self.allowed_modules] + sources  # type: ignore[attr-defined]  # as above
        found = [
            f"{importer} -> {imported}"
            for importer in sorted(importers)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not any(imported == name or imported.startswith(name + ".") for name in allowed)
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import that is not on the list."""
        for line in check.metadata["found"]:
            output.print_error(f"- {line}: not among allowed_modules", bold=False)
