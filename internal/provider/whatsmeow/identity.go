package whatsmeow

import (
	"regexp"
	"strconv"
	"strings"

	wm "go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/wa"
)

// clientPayload is what a number says about itself when it connects. The
// library keeps one identity for the whole process; here every number brings
// its own, put into the library's fresh copy and nowhere else.
func clientPayload(device *store.Device, look wa.Device) *waWa6.ClientPayload {
	payload := device.GetClientPayload()
	if payload.DevicePairingData == nil {
		return payload
	}
	props := &waCompanionReg.DeviceProps{}
	proto.Merge(props, store.DeviceProps)
	if look.OS != "" {
		props.Os = proto.String(look.OS)
	}
	props.PlatformType = platformOf(look).props.Enum()
	if v, ok := versionOf(look.Version); ok {
		props.Version = &waCompanionReg.DeviceProps_AppVersion{Primary: &v[0], Secondary: &v[1], Tertiary: &v[2]}
	}
	if raw, err := proto.Marshal(props); err == nil {
		payload.DevicePairingData.DeviceProps = raw
	}
	return payload
}

type platform struct {
	props waCompanionReg.DeviceProps_PlatformType
	code  wm.PairClientType
}

var platforms = map[string]platform{
	"chrome":  {waCompanionReg.DeviceProps_CHROME, wm.PairClientChrome},
	"firefox": {waCompanionReg.DeviceProps_FIREFOX, wm.PairClientFirefox},
	"edge":    {waCompanionReg.DeviceProps_EDGE, wm.PairClientEdge},
	"safari":  {waCompanionReg.DeviceProps_SAFARI, wm.PairClientSafari},
	"desktop": {waCompanionReg.DeviceProps_DESKTOP, wm.PairClientElectron},
}

func platformOf(look wa.Device) platform {
	if p, ok := platforms[look.Platform]; ok {
		return p
	}
	return platforms["chrome"]
}

func versionOf(s string) (v [3]uint32, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return v, false
		}
		v[i] = uint32(n)
	}
	return v, true
}

var browserOnSystem = regexp.MustCompile(`^(Chrome|Firefox|Edge|Safari|Opera) \((Windows|Linux|Mac OS|macOS|Android|iOS|Ubuntu)\)$`)

// codeName is the name shown when pairing by code. WhatsApp refuses anything
// but a common browser on a common system.
func codeName(look wa.Device) string {
	if browserOnSystem.MatchString(look.OS) {
		return look.OS
	}
	switch look.Platform {
	case "firefox":
		return "Firefox (Linux)"
	case "edge":
		return "Edge (Windows)"
	case "safari":
		return "Safari (Mac OS)"
	}
	return "Chrome (Linux)"
}
