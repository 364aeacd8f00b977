#include "sandbox/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/slice.h"

/*
 * The headers of a distribution are often older than the kernel that runs, so what came after the
 * first version is written out (include/uapi/linux/landlock.h of the kernel has the numbers).
 */
#define FS_REFER     (UINT64_C(1) << 13) /* version 2 */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* 5 */
#define FS_FIRST     ((UINT64_C(1) << 13) - 1)
#define NET_BIND_TCP UINT64_C(1)        /* 4 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1) /* 6 */

struct ruleset {
    uint64_t fs, net, scoped;
};

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_DIR  LANDLOCK_ACCESS_FS_READ_DIR
#define REMOVE    LANDLOCK_ACCESS_FS_REMOVE_FILE
/* What a stranger has put in the place of a file of ours is renamed, which is to make it anew. */
#define MOVE_ANY                                                                                   \
    (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_FIFO |    \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |  \
     REMOVE)

static const uint64_t rights[] = {
    [SANDBOX_READ] = READ_FILE,
    [SANDBOX_LIST] = READ_FILE | READ_DIR,
    [SANDBOX_SOCKET] = LANDLOCK_ACCESS_FS_MAKE_SOCK | REMOVE | READ_DIR,
    [SANDBOX_WRITE] = READ_FILE | READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | MOVE_ANY,
};

static _Atomic bool in_force;

static uint64_t known(int abi)
{
    return FS_FIRST | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
           (abi >= 5 ? FS_IOCTL_DEV : 0);
}

/* An older kernel refuses a longer struct, unless what it does not know is 0. */
int sandbox_files_begin(struct sandbox_files *f)
{
    *f = (struct sandbox_files){ .rules = -1 };
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return abi < 0 ? -errno : -EOPNOTSUPP;
    f->abi = (int)abi;
    struct ruleset r = { .fs = known(f->abi),
                         .net = abi >= 4 ? NET_BIND_TCP : 0,
                         .scoped = abi >= 6 ? SCOPE_SIGNAL : 0 };
    long fd = syscall(SYS_landlock_create_ruleset, &r, sizeof r, 0);
    if (fd < 0)
        return -errno;
    f->rules = (int)fd;
    return 0;
}

int sandbox_files_allow_open(struct sandbox_files *f, int fd, enum sandbox_may may)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    struct landlock_path_beneath_attr rule = { .allowed_access = rights[may] & known(f->abi),
                                               .parent_fd = fd };
    if (!S_ISDIR(st.st_mode)) /* rights of folders are refused for a file */
        rule.allowed_access &= READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
    if (rule.allowed_access == 0)
        return -ENOTDIR;
    return syscall(SYS_landlock_add_rule, f->rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
               ? -errno
               : 0;
}

int sandbox_files_allow(struct sandbox_files *f, const char *path, enum sandbox_may may)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = sandbox_files_allow_open(f, fd, may);
    (void)close(fd);
    return rc;
}

static int parent_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    if (n >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(folder, slash == NULL ? "." : path, n);
    folder[n] = '\0';
    return 0;
}

static bool is_root(const char *folder)
{
    struct stat root, st;
    return stat("/", &root) == 0 && stat(folder, &st) == 0 && st.st_dev == root.st_dev &&
           st.st_ino == root.st_ino;
}

static int allow_parent(struct sandbox_files *f, const char *path, enum sandbox_may may)
{
    char folder[PATH_MAX];
    int rc = parent_of(path, folder);
    return rc < 0 ? rc : sandbox_files_allow(f, is_root(folder) ? path : folder, may);
}

int sandbox_files_allow_folder_of(struct sandbox_files *f, const char *path, enum sandbox_may may)
{
    char real[PATH_MAX];
    int rc = allow_parent(f, path, may);
    if (realpath(path, real) != NULL) {
        int there = allow_parent(f, real, may);
        rc = rc < 0 ? rc : there;
    }
    return rc;
}

int sandbox_files_allow_socket(struct sandbox_files *f, const char *path)
{
    char folder[PATH_MAX], above[PATH_MAX];
    int rc = parent_of(path, folder);
    if (rc < 0 || (rc = sandbox_files_allow(f, folder, SANDBOX_SOCKET)) < 0)
        return rc;
    rc = parent_of(folder, above);
    if (rc < 0 || is_root(above))
        return rc;
    return sandbox_files_allow(f, above, SANDBOX_SOCKET);
}

void sandbox_files_allow_system(struct sandbox_files *f)
{
    /* Files of /etc are replaced by rename, so the folder; resolv.conf is often a link. */
    static const struct {
        const char *path;
        enum sandbox_may may;
    } all[] = {
        { "/etc", SANDBOX_READ },
        { "/usr/lib", SANDBOX_READ },
        { "/usr/lib64", SANDBOX_READ },
        { "/lib", SANDBOX_READ },
        { "/lib64", SANDBOX_READ },
        { "/usr/local/lib", SANDBOX_READ },
        { "/usr/share/zoneinfo", SANDBOX_READ },
        { "/usr/share/ca-certificates", SANDBOX_READ },
        { "/usr/local/share/ca-certificates", SANDBOX_READ },
        { "/proc/self", SANDBOX_LIST },
        { "/proc/stat", SANDBOX_READ },
        { "/sys/devices/system/cpu", SANDBOX_LIST },
        { "/dev/null", SANDBOX_WRITE },
        { "/dev/urandom", SANDBOX_READ },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        (void)sandbox_files_allow(f, all[i].path, all[i].may);
    (void)sandbox_files_allow_folder_of(f, "/etc/resolv.conf", SANDBOX_READ);
    (void)sandbox_files_allow_folder_of(f, "/etc/hosts", SANDBOX_READ);
}

void sandbox_files_drop(struct sandbox_files *f)
{
    (void)close(f->rules);
    f->rules = -1;
}

int sandbox_files_end(struct sandbox_files *f)
{
    int rc = syscall(SYS_landlock_restrict_self, f->rules, 0) < 0 ? -errno : 0;
    sandbox_files_drop(f);
    if (rc == 0)
        atomic_store(&in_force, true);
    return rc;
}

/* access(2) knows the owner's permissions, and nothing of Landlock. */
bool sandbox_files_refuse(const char *path)
{
    if (!atomic_load(&in_force) || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
        return false;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    return fd < 0 && errno == EACCES;
}
