#include "plugin.h"

#include <string.h>

Suites suites;

int property_is(OfxPropertySetHandle properties, const char *name, const char *text)
{
    char *value = NULL;
    return !suites.property->propGetString(properties, name, 0, &value) && value && !strcmp(value, text);
}
