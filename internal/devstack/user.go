package devstack

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is the system user the services run as.
type account struct {
	uid, gid uint32
	groups   []uint32
	drop     bool // we are root and must become this user
}

// serviceUser picks who runs the services: ourselves, or, as root (which
// Postgres refuses), `postgres` if Debian made one and `nobody` if not.
func serviceUser() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err == nil {
			return dropTo(u)
		}
	}
	return account{}, fmt.Errorf("running as root, and there is neither a user postgres nor nobody to run the services")
}

func dropTo(u *user.User) (account, error) {
	ids, err := u.GroupIds()
	if err != nil {
		return account{}, fmt.Errorf("groups of %s: %w", u.Username, err)
	}
	a := account{drop: true}
	if a.uid, err = parseID(u.Uid); err != nil {
		return account{}, err
	}
	if a.gid, err = parseID(u.Gid); err != nil {
		return account{}, err
	}
	for _, id := range ids {
		g, err := parseID(id)
		if err != nil {
			return account{}, err
		}
		a.groups = append(a.groups, g)
	}
	return a, nil
}

func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("user or group id %q: %w", s, err)
	}
	return uint32(n), nil
}

// credential is nil when there is nothing to drop.
func (a account) credential() *syscall.Credential {
	if !a.drop {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: a.groups}
}

// own hands a file or directory to the account.
func (a account) own(path string) error {
	if !a.drop {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

// reaches tells whether the account can enter a directory: a checkout in
// root's home is closed to everyone else. The kernel is asked, so that access
// lists count too.
func (a account) reaches(dir string) bool {
	if !a.drop {
		return true
	}
	cmd := exec.Command("/bin/sh", "-c", `cd -- "$0"`, dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential()}
	return cmd.Run() == nil
}
