"""Publishing a rendered sequence through pyblish: collect, validate, extract, integrate."""
