#include "web/files.h"

#include <assert.h>

/* The assembler looks for the files where the build has put them (Makefile, WEB_PACKED). */
#define X(id, path, file, type)                                                                    \
    __asm__(".pushsection .rodata\n"                                                               \
            "web_begin_" #id ":\n"                                                                 \
            ".incbin \"" file ".gz\"\n"                                                            \
            "web_end_" #id ":\n"                                                                   \
            ".popsection\n");                                                                      \
    extern const char web_begin_##id[], web_end_##id[];
WEB_FILES(X)
#undef X

struct slice web_packed(enum web_own_file f)
{
    static const struct {
        const char *begin, *end;
    } files[] = {
#define X(id, path, file, type) { web_begin_##id, web_end_##id },
        WEB_FILES(X)
#undef X
    };
    assert(f < WEB_FILE_COUNT);
    return slice_of(files[f].begin, (size_t)(files[f].end - files[f].begin));
}
