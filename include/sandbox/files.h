/**
 * files: which files the process may open from now on (Landlock).
 *
 * A rule is about a folder and all below it, as it is now: a file that is renamed into it later is
 * covered, a folder that takes its place is not.  What was open before stays open.
 *
 *   thread   main, before any other starts: older kernels bind the calling thread alone, and what
 *            it starts later
 */
#ifndef SANDBOX_FILES_H
#define SANDBOX_FILES_H

#include <stdbool.h>

enum sandbox_may {
    SANDBOX_READ,   /* read files */
    SANDBOX_LIST,   /* and folders */
    SANDBOX_SOCKET, /* make and remove Unix sockets; list the folder, which is locked meanwhile */
    SANDBOX_WRITE   /* make, write, rename and remove files; read and list */
};

struct sandbox_files {
    int rules; /* -1: the kernel has no Landlock */
    int abi;
};

/**
 * sandbox_files_begin(f):
 *   returns  0; -ENOSYS, -EOPNOTSUPP: the kernel has none, or it is turned off; -errno
 */
int sandbox_files_begin(struct sandbox_files *f);

/**
 * sandbox_files_allow(f, path, may):
 *   path     a folder, or a file: then that file alone, as it is now
 *   returns  0, or -errno: -ENOENT: it is not there, which is for the caller to judge
 */
int sandbox_files_allow(struct sandbox_files *f, const char *path, enum sandbox_may may);

/*
 * The folder that `path` lies in, and the one that its file lies in where links lead elsewhere: a
 * file that is replaced by rename can be opened again.
 */
int sandbox_files_allow_folder_of(struct sandbox_files *f, const char *path, enum sandbox_may may);

/*
 * The same for a Unix socket that is to be bound and removed at `path`.  Its folder may be removed
 * and made again, or something mounted there, so the rule is about the folder above it too, unless
 * that is the root.
 */
int sandbox_files_allow_socket(struct sandbox_files *f, const char *path);

/* What looking up a name, loading a library for it, and reading about this process takes. */
void sandbox_files_allow_system(struct sandbox_files *f);

/*
 * Put the rules in force: for good.  No program is executed, no TCP port bound any more (kernel
 * 6.7).  f is closed, also on failure.   returns  0, or -errno
 */
int sandbox_files_end(struct sandbox_files *f);

/* In place of end: nothing is in force.  f is closed. */
void sandbox_files_drop(struct sandbox_files *f);

/**
 * sandbox_files_refuse(path):
 *   returns  true: it is the sandbox that keeps the process from reading this file
 *   thread   any
 */
bool sandbox_files_refuse(const char *path);

#endif
