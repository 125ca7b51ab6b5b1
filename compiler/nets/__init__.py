"""Layers that train as soft nets and harden into gates."""
