/* Stands between a process and its disk: preloaded, it writes down what the process does to the files
 * under one folder, and fails or delays some of it.
 *
 *   LEASEHOLD_DISK_ROOT     the folder, an absolute path without links in it
 *   LEASEHOLD_DISK_LOG      the file to append to; without it nothing is written down
 *   LEASEHOLD_DISK_FAULTS   a file of 32-bit numbers, looked at before each call (see the enum below)
 *
 * Deeds that change what later ones mean are done and written down under one lock, so that the order
 * in the log is the order in which they happened. A sync, and a write that is durable when it returns,
 * is not: it is written down when it begins and when it has ended, and counts from its end on for what
 * was written before its beginning.
 *
 * It sees calls of the C library. What goes to the kernel past it is not seen, which whoever reads the
 * log notices: what the log leads to is not what is on disk then.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What the file of faults has, in this order. */
enum {
    WRITE_ERRNO, /* of writes; 0 for none */
    SYNC_ERRNO,
    MAKE_ERRNO,  /* of making, renaming and removing files */
    RATE,        /* how many of a thousand of these fail; 0 is all */
    SHORT_WRITES, /* how many of a thousand writes do half */
    SYNC_MILLIS, /* how long each sync takes, more than it does */
    WRITE_MILLIS,
    INJECTED,    /* how many were failed or cut short, counted here */
    DELAYED,
    SEED,
    FAULTS
};

#define FDS_MAX 65536

struct watched {
    int is;
    dev_t dev;
    ino_t ino;
};

static struct watched watched[FDS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root;
static size_t root_len;
static int log_fd = -1;
static volatile int32_t *faults;
static uint64_t numbers = 1;
static uint64_t chance;

struct deed {
    uint8_t kind;
    uint8_t flag;
    uint16_t nothing;
    int32_t fd;
    uint64_t a;
    uint64_t b;
    uint32_t len;
    uint32_t nothing_either;
    uint64_t at_us; /* of the monotonic clock */
};

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("LEASEHOLD_DISK_LOG");
    const char *control = getenv("LEASEHOLD_DISK_FAULTS");
    root = getenv("LEASEHOLD_DISK_ROOT");
    if (!root)
        return;
    root_len = strlen(root);
    if (path)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (control) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDWR | O_CLOEXEC, 0);
        void *at = fd < 0 ? MAP_FAILED
                          : mmap(NULL, FAULTS * 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED)
            faults = at;
        if (fd >= 0)
            syscall(SYS_close, fd);
    }
    if ((path && log_fd < 0) || (control && !faults)) {
        static const char said[] = "the disk's shim cannot open its files\n";
        (void)!syscall(SYS_write, 2, said, sizeof said - 1);
        _exit(70);
    }
    chance = faults ? (uint64_t)faults[SEED] * 2654435761u + 88172645463325252u : 1;
}

/* ---- what is written down ---- */

static void note(uint8_t kind, uint8_t flag, int fd, uint64_t a, uint64_t b, const struct iovec *parts,
                 int count, size_t most) {
    if (log_fd < 0)
        return;
    struct iovec all[1 + IOV_MAX];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct deed deed = {kind, flag, 0, fd, a, b, 0, 0, (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u};
    int used = 1;
    size_t len = 0;
    for (int at = 0; at < count && len < most; at++) {
        size_t take = parts[at].iov_len < most - len ? parts[at].iov_len : most - len;
        all[used].iov_base = parts[at].iov_base;
        all[used++].iov_len = take;
        len += take;
    }
    deed.len = (uint32_t)len;
    all[0].iov_base = &deed;
    all[0].iov_len = sizeof deed;
    ssize_t put = syscall(SYS_writev, log_fd, all, used);
    if (put != (ssize_t)(sizeof deed + len)) {
        static const char said[] = "the disk's shim cannot write its log\n";
        (void)!syscall(SYS_write, 2, said, sizeof said - 1);
        _exit(70);
    }
}

static void note_text(uint8_t kind, uint8_t flag, int fd, uint64_t a, uint64_t b, const char *text) {
    struct iovec part = {(void *)text, strlen(text)};
    note(kind, flag, fd, a, b, &part, 1, SIZE_MAX);
}

/* ---- whose files these are ---- */

/* Whether a path is under the root; it is made whole in `into`. */
static int is_ours(int dirfd, const char *path, char into[PATH_MAX]) {
    if (!root || !path)
        return 0;
    if (path[0] == '/') {
        if (snprintf(into, PATH_MAX, "%s", path) >= PATH_MAX)
            return 0;
    } else {
        char base[PATH_MAX];
        if (dirfd == AT_FDCWD) {
            if (syscall(SYS_getcwd, base, sizeof base) < 0)
                return 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
            ssize_t len = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
            if (len < 0)
                return 0;
            base[len] = 0;
        }
        if (path[0] == '.' && path[1] == 0)
            path = "";
        if (snprintf(into, PATH_MAX, "%s%s%s", base, *path ? "/" : "", path) >= PATH_MAX)
            return 0;
    }
    size_t len = strlen(into);
    while (len > 1 && into[len - 1] == '/')
        into[--len] = 0;
    return strncmp(into, root, root_len) == 0 && (into[root_len] == '/' || into[root_len] == 0);
}

static void watch(int fd) {
    struct stat found;
    if (fd < 0 || fd >= FDS_MAX || fstat(fd, &found) != 0)
        return;
    watched[fd] = (struct watched){1, found.st_dev, found.st_ino};
}

/* Descriptors are closed in more ways than one: a number may mean another file by now. */
static int is_watched(int fd) {
    struct stat found;
    if (fd < 0 || fd >= FDS_MAX || !watched[fd].is)
        return 0;
    int kept = errno;
    int is = fstat(fd, &found) == 0 && found.st_dev == watched[fd].dev && found.st_ino == watched[fd].ino;
    errno = kept;
    if (!is)
        watched[fd].is = 0;
    return is;
}

/* Durable when it returns: by how it was opened, or by what is set on the file. */
static int is_durable(int fd) {
    int kept = errno;
    int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
    int of_file = 0;
    if (flags >= 0 && !(flags & O_DSYNC) && syscall(SYS_ioctl, fd, FS_IOC_GETFLAGS, &of_file) != 0)
        of_file = 0;
    errno = kept;
    return (flags >= 0 && (flags & O_DSYNC)) || (of_file & FS_SYNC_FL);
}

/* ---- faults ---- */

static int happens(int per_mille) {
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (int)(chance % 1000) < per_mille;
}

static int fails(int which) {
    if (!faults || faults[which] == 0)
        return 0;
    if (faults[RATE] && !happens(faults[RATE]))
        return 0;
    __sync_fetch_and_add(&faults[INJECTED], 1);
    errno = faults[which];
    return 1;
}

static void wait_for(int which) {
    int millis = faults ? faults[which] : 0;
    if (millis <= 0)
        return;
    __sync_fetch_and_add(&faults[DELAYED], 1);
    struct timespec left = {millis / 1000, (long)(millis % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* ---- opening and closing ---- */

static int do_open(int dirfd, const char *path, int flags, mode_t mode) {
    char whole[PATH_MAX];
    if (!is_ours(dirfd, path, whole))
        return (int)syscall(SYS_openat, dirfd, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat found;
    int was_there = fstatat(AT_FDCWD, whole, &found, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = -1;
    int makes = (flags & O_CREAT) && !was_there;
    int writes = (flags & O_ACCMODE) != O_RDONLY && faults && faults[MAKE_ERRNO] == EROFS;
    if ((makes || writes) && fails(MAKE_ERRNO))
        goto out;
    fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    if (fd >= 0) {
        int kept = errno;
        watch(fd);
        note_text('O', (uint8_t)!was_there, fd, (uint64_t)flags, 0, whole);
        errno = kept;
    }
out:
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_OF(flags, mode)                                                                            \
    mode_t mode = 0;                                                                                    \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                              \
        va_list more;                                                                                   \
        va_start(more, flags);                                                                          \
        mode = va_arg(more, mode_t);                                                                    \
        va_end(more);                                                                                   \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return do_open(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return do_open(AT_FDCWD, path, flags, mode);
}

int openat(int dirfd, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return do_open(dirfd, path, flags, mode);
}

int openat64(int dirfd, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return do_open(dirfd, path, flags, mode);
}

int creat(const char *path, mode_t mode) {
    return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int close(int fd) {
    if (fd >= 0 && fd < FDS_MAX && watched[fd].is) {
        pthread_mutex_lock(&lock);
        watched[fd].is = 0;
        note('C', 0, fd, 0, 0, NULL, 0, 0);
        int outcome = (int)syscall(SYS_close, fd);
        pthread_mutex_unlock(&lock);
        return outcome;
    }
    return (int)syscall(SYS_close, fd);
}

static int duplicated(int fd, int copy) {
    if (copy >= 0 && copy < FDS_MAX) {
        watched[copy].is = 0;
        if (is_watched(fd)) {
            pthread_mutex_lock(&lock);
            watched[copy] = watched[fd];
            note('D', 0, fd, (uint64_t)copy, 0, NULL, 0, 0);
            pthread_mutex_unlock(&lock);
        }
    }
    return copy;
}

int dup(int fd) { return duplicated(fd, (int)syscall(SYS_dup, fd)); }

int dup3(int fd, int to, int flags) { return duplicated(fd, (int)syscall(SYS_dup3, fd, to, flags)); }

int dup2(int fd, int to) { return fd == to ? to : dup3(fd, to, 0); }

static int do_fcntl(int fd, int command, unsigned long argument) {
    int outcome = (int)syscall(SYS_fcntl, fd, command, argument);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        return duplicated(fd, outcome);
    return outcome;
}

int fcntl(int fd, int command, ...) {
    va_list more;
    va_start(more, command);
    unsigned long argument = va_arg(more, unsigned long);
    va_end(more);
    return do_fcntl(fd, command, argument);
}

int fcntl64(int fd, int command, ...) {
    va_list more;
    va_start(more, command);
    unsigned long argument = va_arg(more, unsigned long);
    va_end(more);
    return do_fcntl(fd, command, argument);
}

/* ---- writing ---- */

/* Where there is no offset it is -1, and the descriptor's own counts. */
static ssize_t do_write(int fd, const struct iovec *parts, int count, off_t offset) {
    struct iovec half;
    if (!is_watched(fd))
        goto plain;
    wait_for(WRITE_MILLIS);
    if (fails(WRITE_ERRNO))
        return -1;
    /* Such a write is a sync, too. */
    if (faults && (faults[SYNC_ERRNO] || faults[SYNC_MILLIS]) && is_durable(fd)) {
        if (log_fd < 0)
            wait_for(SYNC_MILLIS);
        if (fails(SYNC_ERRNO))
            return -1;
    }
    if (faults && faults[SHORT_WRITES] && count == 1 && parts[0].iov_len > 1 && happens(faults[SHORT_WRITES])) {
        half = (struct iovec){parts[0].iov_base, parts[0].iov_len / 2};
        /* Past the page cache only whole blocks go. */
        if (half.iov_len > 4096)
            half.iov_len &= ~(size_t)4095;
        if (half.iov_len % 512 == 0 || !((int)syscall(SYS_fcntl, fd, F_GETFL) & O_DIRECT)) {
            parts = &half;
            __sync_fetch_and_add(&faults[INJECTED], 1);
        }
    }
    if (log_fd < 0)
        goto plain;
    pthread_mutex_lock(&lock);
    int durable = is_durable(fd);
    off_t at = offset;
    ssize_t outcome;
    if (at < 0) {
        struct stat found;
        int appends = (int)syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND;
        at = appends && fstat(fd, &found) == 0 ? found.st_size : lseek(fd, 0, SEEK_CUR);
    }
    uint64_t number = numbers++;
    if (durable) {
        note('W', 1, fd, (uint64_t)at, number, parts, count, SIZE_MAX);
        pthread_mutex_unlock(&lock);
        outcome = offset < 0 ? syscall(SYS_writev, fd, parts, count)
                             : syscall(SYS_pwritev, fd, parts, count, offset, 0);
        int kept = errno;
        /* Whoever goes by this write before it is durable has longer to do so. */
        wait_for(SYNC_MILLIS);
        pthread_mutex_lock(&lock);
        note('E', 0, fd, number, (uint64_t)outcome, NULL, 0, 0);
        errno = kept;
    } else {
        outcome = offset < 0 ? syscall(SYS_writev, fd, parts, count)
                             : syscall(SYS_pwritev, fd, parts, count, offset, 0);
        int kept = errno;
        if (outcome > 0)
            note('W', 0, fd, (uint64_t)at, number, parts, count, (size_t)outcome);
        errno = kept;
    }
    pthread_mutex_unlock(&lock);
    return outcome;
plain:
    return offset < 0 ? syscall(SYS_writev, fd, parts, count)
                      : syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

ssize_t write(int fd, const void *bytes, size_t len) {
    struct iovec part = {(void *)bytes, len};
    if (!is_watched(fd))
        return syscall(SYS_write, fd, bytes, len);
    return do_write(fd, &part, 1, -1);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return do_write(fd, parts, count, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset) {
    struct iovec part = {(void *)bytes, len};
    return do_write(fd, &part, 1, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset) {
    return pwrite(fd, bytes, len, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return do_write(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
    return do_write(fd, parts, count, offset);
}

static int do_truncate(int fd, off_t len) {
    if (!is_watched(fd))
        return (int)syscall(SYS_ftruncate, fd, len);
    if (fails(WRITE_ERRNO))
        return -1;
    pthread_mutex_lock(&lock);
    int outcome = (int)syscall(SYS_ftruncate, fd, len);
    int kept = errno;
    if (outcome == 0)
        note('T', 0, fd, (uint64_t)len, numbers++, NULL, 0, 0);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return outcome;
}

int ftruncate(int fd, off_t len) { return do_truncate(fd, len); }
int ftruncate64(int fd, off_t len) { return do_truncate(fd, len); }

static int do_fallocate(int fd, int mode, off_t offset, off_t len) {
    if (!is_watched(fd))
        return (int)syscall(SYS_fallocate, fd, mode, offset, len);
    if (fails(WRITE_ERRNO))
        return -1;
    pthread_mutex_lock(&lock);
    int outcome = (int)syscall(SYS_fallocate, fd, mode, offset, len);
    int kept = errno;
    if (outcome == 0)
        note('F', (uint8_t)mode, fd, (uint64_t)offset, (uint64_t)len, NULL, 0, 0);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return outcome;
}

int fallocate(int fd, int mode, off_t offset, off_t len) { return do_fallocate(fd, mode, offset, len); }
int fallocate64(int fd, int mode, off_t offset, off_t len) { return do_fallocate(fd, mode, offset, len); }

int posix_fallocate(int fd, off_t offset, off_t len) {
    return do_fallocate(fd, 0, offset, len) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off_t offset, off_t len) { return posix_fallocate(fd, offset, len); }

/* ---- syncing ---- */

static int do_sync(int fd, long call) {
    if (!is_watched(fd))
        return (int)syscall(call, fd);
    pthread_mutex_lock(&lock);
    uint64_t number = numbers++;
    note('B', 0, fd, number, 0, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    wait_for(SYNC_MILLIS);
    if (fails(SYNC_ERRNO))
        return -1;
    int outcome = (int)syscall(call, fd);
    int kept = errno;
    if (outcome == 0) {
        pthread_mutex_lock(&lock);
        note('S', 0, fd, number, 0, NULL, 0, 0);
        pthread_mutex_unlock(&lock);
    }
    errno = kept;
    return outcome;
}

int fsync(int fd) { return do_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync); }

/* Makes nothing durable: it neither flushes the disk's cache nor writes metadata. */
int sync_file_range(int fd, off_t offset, off_t len, unsigned int flags) {
    if (is_watched(fd)) {
        wait_for(SYNC_MILLIS);
        if (fails(SYNC_ERRNO))
            return -1;
    }
    return (int)syscall(SYS_sync_file_range, fd, offset, len, flags);
}

/* ---- names ---- */

static int do_rename(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags) {
    char whole[2 * PATH_MAX], target[PATH_MAX];
    if (!is_ours(from_dir, from, whole) || !is_ours(to_dir, to, target))
        return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    pthread_mutex_lock(&lock);
    int outcome = -1;
    if (!fails(MAKE_ERRNO))
        outcome = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    int kept = errno;
    if (outcome == 0) {
        size_t len = strlen(whole) + 1;
        struct iovec parts[2] = {{whole, len}, {target, strlen(target)}};
        note('R', 0, -1, 0, numbers++, parts, 2, SIZE_MAX);
    }
    errno = kept;
    pthread_mutex_unlock(&lock);
    return outcome;
}

int rename(const char *from, const char *to) { return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    return do_rename(from_dir, from, to_dir, to, 0);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags) {
    return do_rename(from_dir, from, to_dir, to, flags);
}

static int do_unlink(int dir, const char *path, int flags) {
    char whole[PATH_MAX];
    if (!is_ours(dir, path, whole))
        return (int)syscall(SYS_unlinkat, dir, path, flags);
    pthread_mutex_lock(&lock);
    int outcome = -1;
    if (!fails(MAKE_ERRNO))
        outcome = (int)syscall(SYS_unlinkat, dir, path, flags);
    int kept = errno;
    if (outcome == 0)
        note_text('U', (flags & AT_REMOVEDIR) != 0, -1, 0, numbers++, whole);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return outcome;
}

int unlink(const char *path) { return do_unlink(AT_FDCWD, path, 0); }
int unlinkat(int dir, const char *path, int flags) { return do_unlink(dir, path, flags); }
int rmdir(const char *path) { return do_unlink(AT_FDCWD, path, AT_REMOVEDIR); }

static int do_mkdir(int dir, const char *path, mode_t mode) {
    char whole[PATH_MAX];
    if (!is_ours(dir, path, whole))
        return (int)syscall(SYS_mkdirat, dir, path, mode);
    pthread_mutex_lock(&lock);
    int outcome = -1;
    if (!fails(MAKE_ERRNO))
        outcome = (int)syscall(SYS_mkdirat, dir, path, mode);
    int kept = errno;
    if (outcome == 0)
        note_text('M', 0, -1, 0, numbers++, whole);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return outcome;
}

int mkdir(const char *path, mode_t mode) { return do_mkdir(AT_FDCWD, path, mode); }
int mkdirat(int dir, const char *path, mode_t mode) { return do_mkdir(dir, path, mode); }
