"""Main memories: devices, controllers, address mapping, what lies behind the caches. Knows nothing of cores.

The package is the home of the DRAM models. Descriptions use :class:`acadl.model.DRAM`, whose open-row timing
does not need it.
"""
