/**
 * version: which build this is.
 */
#ifndef APP_VERSION_H
#define APP_VERSION_H

extern const char version_text[];     /* "0.1.0" */
extern const char version_commit[];   /* of git, "-dirty" behind it where files were changed; "unknown" outside a checkout */

#endif
