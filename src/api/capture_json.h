/* What GET /api/v1/capture answers, for other answers that have it in them. */
#ifndef API_CAPTURE_JSON_H
#define API_CAPTURE_JSON_H

#include <jansson.h>

#include "api/sources.h"

/* null: there are no captures in what was asked */
json_t *api_capture_json(const struct api_sources *from);

#endif
