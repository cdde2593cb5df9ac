"""The studies: a file each. `registry` lists them; nothing else names one."""
