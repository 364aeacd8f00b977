#include "app/version.h"

/* The Makefile gives both; only this file is built again when the commit changes. */
#ifndef STATSD_VERSION
#define STATSD_VERSION "unknown"
#endif
#ifndef STATSD_COMMIT
#define STATSD_COMMIT "unknown"
#endif

const char version_text[] = STATSD_VERSION;
const char version_commit[] = STATSD_COMMIT;
