/**
 * sources: what the API's answers are made of.
 */
#ifndef API_SOURCES_H
#define API_SOURCES_H

#include "aggregate/event_log.h"

/* All borrowed, and read on the control thread alone. */
struct api_sources {
    const struct event_log *events;
};

#endif
