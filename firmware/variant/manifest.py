"""What is frozen into the interpreter: MicroPython's asyncio and the application."""
# ruff: noqa: F821  (the manifest's verbs come from makemanifest.py)

include("$(MPY_DIR)/extmod/asyncio")
package("app", base_path="../..")
