#include "sandbox/process.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

bool sandbox_fits(void)
{
    return !SANITIZED;
}

int sandbox_no_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int sandbox_no_core(void)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    int rc = setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : rc;
}
