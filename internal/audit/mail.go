package audit

import (
	"context"
	"errors"
	"fmt"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// ByMail makes a Notify that has every active admin of the org mailed. Alerts that
// concern no org are not mailed: the operator has the metric.
func ByMail(db *store.DB, send func(context.Context, wa.OrgID, wa.Letter) error) func(context.Context, wa.OrgID, wa.EventAlert) error {
	return func(ctx context.Context, org wa.OrgID, a wa.EventAlert) error {
		if org.IsZero() {
			return nil
		}
		p, err := store.ParsePage("", store.MaxPage)
		if err != nil {
			return err
		}
		var people []wa.User
		err = db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
			people, err = tx.Users(ctx, org, store.UserFilter{Role: wa.Admin, Status: wa.UserActive}, p)
			return err
		})
		for _, u := range people {
			err = errors.Join(err, send(ctx, org, alertLetter(u.Email, a)))
		}
		return err
	}
}

func alertLetter(to string, a wa.EventAlert) wa.Letter {
	return wa.Letter{To: to, Subject: "Suspicious activity", Body: fmt.Sprintf(
		"%s\n\nIt is about %s. Your organisation's audit log tells more.\n\n%s\n", a.Message, a.Subject, advice(a.Kind))}
}

// advice says what an admin can do about an alert.
func advice(k wa.AlertKind) string {
	if k == wa.AlertBrokenLog {
		return "Do not rely on what the log says from there on, and ask whoever runs this installation: they see which line it is and can compare it with their backups.\n\n" +
			"This is told once."
	}
	return "If it was none of you: revoke the key, or reset the person's password, and end their sessions.\n\nThe same is not told again within an hour."
}
