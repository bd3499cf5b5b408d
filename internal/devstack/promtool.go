package devstack

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
)

// Promtool gives the path of Prometheus' checker of rules. Where it is missing
// it is installed, as root on Debian; elsewhere the error says what to install.
func Promtool(ctx context.Context, log *slog.Logger) (string, error) {
	path, err := exec.LookPath("promtool")
	if err == nil {
		return path, nil
	}
	if !canApt() {
		return "", errors.New("promtool is missing: install Prometheus")
	}
	if err := aptInstall(ctx, log, []string{"prometheus"}); err != nil {
		return "", err
	}
	return exec.LookPath("promtool")
}
