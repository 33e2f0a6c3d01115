"""The engine for other programs: jobs, protocol, server, client."""
