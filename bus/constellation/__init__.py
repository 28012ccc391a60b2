"""Constellation's protocols, bytes to messages and back; frame layouts live only here."""
