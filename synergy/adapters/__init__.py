"""Adapters: the ports on real things. Nothing above imports them but `synergy.bootstrap`."""
