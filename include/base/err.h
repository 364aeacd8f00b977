/**
 * err: the text of an errno value.
 *   thread   any (strerror is not)
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <string.h>

/* error: errno, or -errno as our functions return it. */
static inline const char *err_text(int error)
{
    const char *text = strerrordesc_np(error < 0 ? -error : error);
    return text != NULL ? text : "unknown error";
}

#endif
