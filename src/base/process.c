#include "base/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

double process_cpu_seconds(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) < 0)
        return 0;
    long s = u.ru_utime.tv_sec + u.ru_stime.tv_sec, us = u.ru_utime.tv_usec + u.ru_stime.tv_usec;
    return (double)s + (double)us / 1e6;
}

double process_resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL)
        return 0;
    unsigned long total, resident;
    /* Two numbers of the kernel's own: nothing that could overflow. */
    int n = fscanf(f, "%lu %lu", &total, &resident); /* NOLINT(cert-err34-c) */
    (void)fclose(f);
    return n == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : 0;
}

/* A look at each of them: milliseconds when there are thousands. */
static double count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL)
        return 0;
    double n = -3; /* ".", ".." and the descriptor of this directory */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone */
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

/* Since Linux 6.2 the directory's size is the number of them; before, it was 0. */
double process_open_fds(void)
{
    struct stat s;
    if (stat("/proc/self/fd", &s) == 0 && s.st_size > 0)
        return (double)s.st_size;
    return count_fds();
}
