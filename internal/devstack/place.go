package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// maxSocketDir keeps socket paths under the kernel's 107 bytes (103 on macOS),
// with room for the names the services put behind it.
const maxSocketDir = 80

// tempPrefix marks our temporary directories, so that sweep knows them.
const tempPrefix = "chasqui-tmp-"

// place is where one stack lives on disk, held by a lock.
type place struct {
	data      string // holds postgres/ and redis/
	sockets   string // short, mode 0700
	temporary bool   // Down removes data
	as        account
	lock      *os.File
}

func openPlace(o Options, as account) (*place, error) {
	if o.Dir == "" {
		return openTemporary(as)
	}
	return openKept(o.Dir, as, o.Log)
}

// openTemporary makes a directory nobody else uses, sockets included.
func openTemporary(as account) (*place, error) {
	base := tempBase(as)
	sweep(base)
	dir, err := os.MkdirTemp(base, tempPrefix)
	if err != nil {
		return nil, err
	}
	p := &place{data: dir, sockets: dir, temporary: true, as: as}
	if p.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, as.own(dir)
}

// openKept uses dir, or a directory of its own under /var/tmp when the account
// cannot enter dir, because root's home is closed to it.
func openKept(dir string, as account, log *slog.Logger) (*place, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	name := "chasqui-" + fingerprint(dir)
	p := &place{data: dir, sockets: filepath.Join(tempBase(as), name), as: as, lock: lock}
	if !as.reaches(dir) {
		p.data = filepath.Join("/var/tmp", name)
		log.Warn("the services' user cannot enter the directory, so data is kept elsewhere", "directory", dir, "data", p.data)
		err = ensurePrivate(p.data, as)
	}
	err = errors.Join(err, ensurePrivate(p.sockets, as))
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return p, nil
}

// subdir makes a directory for one service's data.
func (p *place) subdir(name string) (string, error) {
	dir := filepath.Join(p.data, name)
	return dir, ensurePrivate(dir, p.as)
}

func (p *place) close(context.Context) error {
	var err error
	if p.temporary {
		err = os.RemoveAll(p.data)
	} else {
		err = os.RemoveAll(p.sockets)
	}
	return errors.Join(err, p.lock.Close())
}

// ensurePrivate makes dir with mode 0700 for the account. A directory that a
// third user made is refused: in /tmp it may be a trap.
func ensurePrivate(dir string, as account) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ours(info, as) {
		return fmt.Errorf("%s belongs to another user: remove it, or run as that user", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	return as.own(dir)
}

func ours(info os.FileInfo, as account) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == as.uid || int(st.Uid) == os.Geteuid())
}

// lockFile takes an exclusive lock that the kernel releases when we die,
// however we die.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another chasqui runs in %s", filepath.Dir(path)), f.Close())
	}
	return f, nil
}

// sweep removes temporary directories whose stack was killed before it could.
func sweep(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, tempPrefix+"*"))
	for _, dir := range dirs {
		info, err := os.Lstat(filepath.Join(dir, "lock"))
		if err != nil || !ours(info, account{uid: uint32(os.Geteuid())}) || time.Since(info.ModTime()) < time.Minute {
			continue // another user's, or being made just now
		}
		if f, err := lockFile(filepath.Join(dir, "lock")); err == nil {
			_ = os.RemoveAll(dir) // litter: the next stack tries again
			_ = f.Close()
		}
	}
}

// tempBase is the temporary directory, unless it is too long for a socket or
// closed to the account.
func tempBase(as account) string {
	base := os.TempDir()
	if len(base)+len(tempPrefix)+12 > maxSocketDir || !as.reaches(base) {
		return "/tmp"
	}
	return strings.TrimSuffix(base, "/")
}

// fingerprint names a checkout shortly, and per user.
func fingerprint(dir string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", os.Geteuid(), dir))
	return hex.EncodeToString(sum[:4])
}
