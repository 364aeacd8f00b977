/**
 * sources: what the API's answers are made of.
 */
#ifndef API_SOURCES_H
#define API_SOURCES_H

#include <stdbool.h>

#include "aggregate/event_log.h"
#include "api/capture_view.h"

/*
 * All borrowed, and read or called on the control thread alone.  A part that is NULL is off: what is
 * asked of it is answered with null, or with an empty list.
 */
struct api_sources {
    bool lifecycle; /* http.lifecycle: what changes something is allowed */
    const struct event_log *events;
    const struct api_capture *capture;
};

#endif
