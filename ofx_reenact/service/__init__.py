"""The engine for other programs: jobs, protocol (docs/engine.md), servers, clients, shared memory with a host."""
