"""Memory of the system: immutable entries under content keys, committed by a receipt."""
