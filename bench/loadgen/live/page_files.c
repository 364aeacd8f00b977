#include "page_files.h"

/* The assembler looks for the files where the build has put them (bench.mk, BENCH_PACKED). */
#define X(id, path, file, type)                                                                    \
    __asm__(".pushsection .rodata\n"                                                               \
            "bench_begin_" #id ":\n"                                                               \
            ".incbin \"" file ".gz\"\n"                                                            \
            "bench_end_" #id ":\n"                                                                 \
            ".popsection\n");                                                                      \
    extern const char bench_begin_##id[], bench_end_##id[];
PAGE_FILES(X)
#undef X

struct web *page_files_web(void)
{
    const struct web_file files[] = {
#define X(id, path, file, type)                                                                    \
    { path, type, { bench_begin_##id, (size_t)(bench_end_##id - bench_begin_##id) } },
        PAGE_FILES(X)
#undef X
    };
    return web_new_of(files, ARRAY_LEN(files));
}
