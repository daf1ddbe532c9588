package web

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"motcua/directory"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/session"
)

// A member of staff is let in step by step: with the password, a session begins; what else is asked is decided anew at each
// request, so that a session of before opens no more than one of now.

// stage is what somebody must do before anything else.
type stage uint8

const (
	stageNone     stage = iota
	stageFactor         // show the second factor
	stagePassword       // choose a password of their own
	stageEnrol          // add a second factor
)

// stage asks first for what can be shown here. What only the directory can change waits while it is out of reach: the counter
// never stops for want of a line.
func (c *call) stage(a directory.Account) stage {
	switch {
	case a.Kind == directory.Staff && a.SecondFactor() && c.signed.Factor == 0:
		return stageFactor
	case !c.node.Line() || !c.node.DirectoryInReach():
		return stageNone
	case a.MustChange:
		return stagePassword
	case a.Kind == directory.Staff && c.office.MustAddFactor(a):
		return stageEnrol
	}
	return stageNone
}

// lead goes to where somebody must do something first.
func (c *call) lead(s stage) error {
	switch s {
	case stageFactor:
		return c.askWho("/desk/confirm")
	case stagePassword:
		return c.see(c.account() + "/password")
	}
	return c.see(c.account() + "/factors/add")
}

// account is the address of one's own account at this door.
func (c *call) account() string {
	if c.door == page.Desk {
		return "/desk/account"
	}
	return "/account"
}

// sure tells whether somebody has shown within a time that it is they; otherwise it sends them to show it, and they come back to
// this address. A form that was opened in time is taken for a while.
func (c *call) sure(a directory.Account, within time.Duration) (sent bool, err error) {
	if c.r.Method != http.MethodGet {
		within += office.FormGrace
	}
	door := "/desk/confirm"
	ok := c.signed.Proven(within, c.now())
	if !a.SecondFactor() {
		door = "/desk/sign-in"
		ok = c.now().Sub(time.Unix(c.signed.Issued, 0)) < within
	}
	if ok {
		return false, nil
	}
	return true, c.see(door + "?next=" + url.QueryEscape(c.r.URL.EscapedPath()))
}

// fresh is for changes of an account, which ask again who it is after a while.
func fresh(h func(*call, directory.Account) error) func(*call, directory.Account) error {
	return func(c *call, a directory.Account) error {
		if sent, err := c.sure(a, office.AccountFresh); sent {
			return err
		}
		return h(c, a)
	}
}

// keySite is where security keys are made and used: the portal of this office, under the name that the directory has for it, or
// this very machine. The address that a request claims is never enough: it could be a false site's.
func (c *call) keySite() session.Site {
	s := session.Site{Name: c.thisOffice().Name}
	own, ok := c.tables.Node(c.office.Code)
	u, err := url.Parse(own.Portal)
	if ok && err == nil && u.Host != "" && strings.EqualFold(u.Host, c.r.Host) {
		s.Host, s.Origin = strings.ToLower(u.Hostname()), strings.ToLower(u.Scheme+"://"+u.Host)
		return s
	}
	host := c.r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" && isLoopback(c.r.RemoteAddr) {
		s.Host, s.Origin = host, "http://"+c.r.Host
	}
	return s
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// keyForm is what a page needs to ask a key.
func (c *call) keyForm(k *session.Ceremony, action, next, button string) *page.KeyAsk {
	return &page.KeyAsk{
		Options: k.Options, Ceremony: c.ceremonies.Keep(k), Src: page.Script().Path, Once: newOnce(), Action: c.base() + action, Next: next, Button: button,
	}
}

func (c *call) confirm(a directory.Account) error {
	return c.showConfirm(a, c.next(c.r.URL.Query().Get("next")), nil)
}

func (c *call) showConfirm(a directory.Account, next string, faults []page.Problem) error {
	if !a.SecondFactor() {
		return c.see("/desk")
	}
	out := page.Factor{Form: page.Form{Once: newOnce(), Problems: faults}, Again: c.signed.Factor != 0, Next: next, Action: c.base() + "/desk/confirm"}
	code := page.CodeField(c.l, "factor.code", "factor.code_hint")
	if !hasCode(a) {
		code = page.CodeField(c.l, "factor.code", "factor.code_only")
	}
	out.Fields = page.Beside([]page.Field{code}, faults)
	site := c.keySite()
	if site.Usable() && len(session.KeysAt(a, site)) > 0 {
		k, err := session.BeginProof(site, a)
		if err != nil {
			return err
		}
		out.Key = c.keyForm(k, "/desk/confirm", next, c.l.T("factor.key_do"))
	} else if at := keysElsewhere(a); at != "" {
		out.KeysFor = at
	}
	c.path = "/desk/confirm?next=" + url.QueryEscape(next)
	return c.show(out)
}

func hasCode(a directory.Account) bool {
	for _, f := range a.Factors {
		if f.Kind == directory.TOTP {
			return true
		}
	}
	return false
}

// keysElsewhere is the name of the portal that an account's first key was made for, "" for none.
func keysElsewhere(a directory.Account) string {
	for _, f := range a.Factors {
		if f.Kind == directory.WebAuthn {
			return f.RP
		}
	}
	return ""
}

func (c *call) confirmDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	next := c.next(v.Get("next"))
	done, fault, err := c.showFactor(a, v)
	if err != nil {
		return err
	}
	if fault != "" {
		return c.showConfirm(a, next, []page.Problem{{Field: "code", Text: c.l.T(fault)}})
	}
	first := c.signed.Factor == 0
	token, err := c.node.Prove(c.signed)
	if err != nil {
		return err
	}
	c.setCookie(token, time.Unix(c.signed.Expires, 0).Sub(c.now()))
	if next == "" {
		next = c.base() + "/desk"
	}
	if first && done == "" {
		done = c.told(a)
	}
	if done != "" {
		c.tell(next, done)
	}
	http.Redirect(c.w, c.r, next, http.StatusSeeOther)
	return nil
}

// told is the notice for somebody who is in at last: that a code was issued with which others could come in, or that they have
// tried; "" for nothing to say.
func (c *call) told(a directory.Account) string {
	failures := c.limiter.Told(a.Login).N
	switch {
	case c.resetShown(a):
		return "code_issued"
	case failures > 0:
		return "failures"
	}
	return ""
}

// showFactor checks a second factor within the bounds of guessing. The fault is the words for a no, done a notice for a yes.
func (c *call) showFactor(a directory.Account, v url.Values) (done, fault string, err error) {
	if c.limiter.TryCode(string(a.ID), c.address()) > 0 {
		return "", "fault.too_many", nil
	}
	ok := false
	fault = "fault.code_wrong"
	switch code := typed(v, "code", 40); {
	case v.Get("answer") != "":
		ok, fault, err = c.answered(a, v)
	case len(directory.NormalCode(code)) > 8:
		done = "recovery"
		ok, err = c.office.ShowRecovery(c.r.Context(), a, code)
	default:
		ok, err = c.office.ShowCode(c.r.Context(), a, code)
	}
	if err != nil {
		c.limiter.VoidCode(string(a.ID), c.address())
		return "", "", err
	}
	if !ok {
		return "", fault, nil
	}
	c.limiter.RightCode(string(a.ID), c.address())
	return done, "", nil
}

// answered checks the answer of a security key.
func (c *call) answered(a directory.Account, v url.Values) (ok bool, fault string, err error) {
	k := c.ceremonies.Take(v.Get("ceremony"), a.ID)
	if k == nil {
		return false, "fault.key_stale", nil
	}
	factor, count, err := k.EndProof(v.Get("answer"))
	if errors.Is(err, session.ErrKey) {
		return false, "fault.key", nil
	}
	if err != nil {
		return false, "", err
	}
	ok, err = c.office.ShowKey(c.r.Context(), a, factor, count)
	return ok, "fault.key", err
}

// addFactor offers the ways.
func (c *call) addFactor(a directory.Account) error {
	out := page.AddFactor{TOTP: c.base() + "/desk/account/factors/totp", Key: c.base() + "/desk/account/factors/key", Back: c.base() + "/desk/account"}
	if from := c.office.NeedsFactor(a); from != "" {
		out.Why = c.l.T("add_factor.soon", c.l.Date(from.Time()))
		if out.Must = c.office.MustAddFactor(a); out.Must {
			out.Why, out.Back = c.l.T("add_factor.must", c.l.Date(from.Time())), ""
		}
	}
	if !c.keySite().Usable() {
		own, _ := c.tables.Node(c.office.Code)
		at := own.Portal
		if at == "" {
			at = "https://…"
		}
		out.NoKeys = c.l.T("add_factor.no_address", at)
	}
	return c.show(out)
}

func (c *call) addTOTP(a directory.Account) error {
	return c.showTOTP(a, session.NewSecret(), c.l.T("add_totp.phone"), nil)
}

func (c *call) showTOTP(a directory.Account, secret []byte, label string, faults []page.Problem) error {
	qr, err := page.NewQR(session.SecretURI(secret, "Một cửa "+c.thisOffice().Place, a.Login))
	if err != nil {
		return err
	}
	c.path = "/desk/account/factors/totp"
	return c.show(page.AddTOTP{
		Form: page.Form{Once: newOnce(), Problems: faults}, QR: qr, Secret: session.SecretText(secret),
		Fields: page.Beside([]page.Field{page.CodeField(c.l, "factor.code", ""), page.LabelField(c.l, label)}, faults),
		Back:   c.base() + "/desk/account/factors/add", Action: c.base() + "/desk/account/factors/totp",
	})
}

func (c *call) addTOTPDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	secret, ok := session.ParseSecret(v.Get("secret"))
	if !ok {
		return errMalformed
	}
	label := typed(v, "label", 60)
	var faults []page.Problem
	step, right := session.CheckCode(secret, typed(v, "code", 20), 0, c.now())
	if !right {
		faults = append(faults, page.Problem{Field: "code", Text: c.l.T("fault.first_code")})
	}
	if label == "" {
		faults = append(faults, page.Problem{Field: "label", Text: c.l.T("fault.label")})
	}
	if len(faults) == 0 {
		faults, err = c.keepFactor(a, v, directory.Factor{Kind: directory.TOTP, Label: label, Secret: secret}, step)
		if err != nil || len(faults) == 0 {
			return err
		}
	}
	return c.showTOTP(a, secret, label, faults)
}

// keepFactor adds a factor, once for each form, and goes to the recovery codes that come with the first one. The session in which
// it was made has shown it.
func (c *call) keepFactor(a directory.Account, v url.Values, f directory.Factor, step int64) ([]page.Problem, error) {
	key := c.token(a, v)
	answer, err := c.repeats.once(c.r.Context(), "factor/"+key, func() (string, error) {
		codes, err := c.office.AddFactor(c.r.Context(), a, f, step)
		if err == nil && len(codes) > 0 {
			c.secrets.put(key, strings.Join(codes, "\n"))
			return "codes", nil
		}
		return "added", err
	})
	if err != nil {
		return c.changeFault("label", err)
	}
	token, err := c.node.Prove(c.signed)
	if err != nil {
		return nil, err
	}
	c.setCookie(token, time.Unix(c.signed.Expires, 0).Sub(c.now()))
	if answer == "codes" {
		return nil, c.seeDone("/desk/account/codes?of="+url.QueryEscape(v.Get("once")), "factor_add")
	}
	return nil, c.seeDone("/desk/account", "factor_add")
}

// codes shows recovery codes, once.
func (c *call) codes(a directory.Account) error {
	all, ok := c.secrets.take(string(a.ID) + "/" + c.r.URL.Query().Get("of"))
	if !ok {
		return c.see("/desk/account")
	}
	return c.show(page.Codes{
		Heading: c.l.T("codes.title"), Text: c.l.T("codes.text"), Codes: strings.Split(all, "\n"),
		Rows: []page.Row{{Label: c.l.T("register.login"), Value: a.Login}},
		Next: page.Link{URL: c.base() + "/desk/account", Label: c.l.T("codes.done")},
	})
}

func (c *call) addKey(a directory.Account) error {
	return c.showKey(a, c.l.T("add_key.name"), nil)
}

func (c *call) showKey(a directory.Account, label string, faults []page.Problem) error {
	site := c.keySite()
	if !site.Usable() {
		return c.see("/desk/account/factors/add")
	}
	k, err := session.BeginKey(site, a)
	if err != nil {
		return err
	}
	out := page.AddKey{Form: page.Form{Problems: faults}, Back: c.base() + "/desk/account/factors/add", Key: c.keyForm(k, "/desk/account/factors/key", "", c.l.T("add_key.do"))}
	out.Key.Make, out.Key.Label = true, &page.Beside([]page.Field{page.LabelField(c.l, label)}, faults)[0]
	c.path = "/desk/account/factors/key"
	return c.show(out)
}

func (c *call) addKeyDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	label, fault := typed(v, "label", 60), ""
	var f directory.Factor
	k := c.ceremonies.Take(v.Get("ceremony"), a.ID)
	switch {
	case label == "":
		fault = "fault.label"
	case k == nil:
		fault = "fault.key_stale"
	default:
		f, err = k.EndKey(v.Get("answer"))
	}
	if errors.Is(err, session.ErrKey) {
		fault, err = "fault.key", nil
	}
	if err != nil {
		return err
	}
	faults := []page.Problem{{Field: "label", Text: c.l.T(fault)}}
	if fault == "" {
		f.Label = label
		if faults, err = c.keepFactor(a, v, f, 0); err != nil || len(faults) == 0 {
			return err
		}
	}
	return c.showKey(a, label, faults)
}
