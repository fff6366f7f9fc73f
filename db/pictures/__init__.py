"""Pictures by their rows, wherever their bytes lie: in the row itself, or in the store as the object of the row's digest.

The object is there before its row names it. Who counts on an object that they have not just made themselves does so under one
lock with whoever deletes those that no row names: so an object without a row is garbage, and a row without an object never is.
"""
