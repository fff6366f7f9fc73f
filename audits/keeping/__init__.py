"""Keeping: how long what sweeps leave behind is kept, what holds it longer, and disposing of it with a record (データ廃棄記録).

Numbers never change: sweeps, visits, defects, what the machine said of criteria and that a place was there stay. What goes is
what was seen there: pictures, HTML, and where on the page it stood.
"""
