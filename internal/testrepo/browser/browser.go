// Package browser drives a headless Chromium: for tests of pages, and to take
// pictures of them.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// step bounds how long the browser may take for anything.
const step = 30 * time.Second

// Insecure is a name for 127.0.0.1 to which a page gets without TLS what any other
// host would: not much. There are no other names.
const Insecure = "mirror.test"

// A Browser is a running Chromium with a profile of its own.
type Browser struct {
	ctx  context.Context
	stop func()
}

// Start starts the program at path with its profile in dir, until Close.
func Start(path, dir string) (*Browser, error) {
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("lang", "en"), chromedp.Flag("host-resolver-rules", "MAP "+Insecure+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.Env("TZ=UTC", "LANG=C.UTF-8"))
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(allocator)
	b := &Browser{ctx: ctx, stop: func() { stopBrowser(); stopAllocator() }}
	if err := chromedp.Do(ctx); err != nil {
		b.stop()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return b, nil
}

// Close ends the program.
func (b *Browser) Close() error {
	ctx, cancel := context.WithTimeout(b.ctx, step)
	defer cancel()
	err := chromedp.Cancel(ctx)
	b.stop()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// A Tab is a page. It is for one goroutine.
type Tab struct {
	ctx   context.Context
	close func()

	mu       sync.Mutex
	problems []string
	requests []string
}

// Tab opens a tab. It shares nothing with others but the program.
func (b *Browser) Tab() (*Tab, error) {
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t := &Tab{ctx: ctx, close: cancel}
	err := errors.Join(
		chromedp.Listen(ctx, t.heard),
		call(t, network.Enable, network.EnableParams{}),
		call(t, log.Enable, cdp.Empty{}))
	if err != nil {
		cancel()
		return nil, err
	}
	return t, nil
}

// Close closes the tab.
func (t *Tab) Close() { t.close() }

// heard notes what a page asks for, and what goes wrong in it.
func (t *Tab) heard(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") { // the browser's own icons in fields
			t.requests = append(t.requests, e.Request.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			t.problems = append(t.problems, "a request failed: "+e.ErrorText)
		}
	case *log.EventEntryAdded: // what breaks the policy in the header is told here
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			t.problems = append(t.problems, string(e.Entry.Source)+": "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		words := []string{"console." + string(e.Type) + ":"}
		for _, a := range e.Args {
			words = append(words, string(a.Value), a.Description)
		}
		t.problems = append(t.problems, strings.Join(words, " "))
	case *runtime.EventExceptionThrown:
		t.problems = append(t.problems, "exception: "+e.ExceptionDetails.Text)
	}
}

// Problems are the errors and warnings since it was asked last: exceptions, messages
// on the console, requests that failed or were not allowed.
func (t *Tab) Problems() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.problems
	t.problems = nil
	return list
}

// Requests are the URLs that were asked for since it was asked last.
func (t *Tab) Requests() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.requests
	t.requests = nil
	return list
}

func call[P, R any](t *Tab, command cdp.Command[P, R], params P) error {
	ctx, cancel := context.WithTimeout(t.ctx, step)
	defer cancel()
	_, err := chromedp.Call(ctx, command, params)
	return err
}

func (t *Tab) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(t.ctx, step)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// Open goes to a URL, and waits until all of the page is there. It returns the
// status of the answer.
func (t *Tab) Open(url string) (status int, err error) {
	ctx, cancel := context.WithTimeout(t.ctx, step)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, chromedp.Navigate(url))
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", url, err)
	}
	return int(answer.Status), nil
}

// Loads does something after which the tab has another page, and waits for that.
func (t *Tab) Loads(something func() error) error {
	ctx, cancel := context.WithTimeout(t.ctx, step)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, func(context.Context, *chromedp.Target) (v chromedp.Void, err error) { return v, something() })
	return err
}

// Eval runs an expression in the page, waits for it where it is a promise, and
// decodes its value into to, which is nil where that is of no interest. What it
// runs is not held to the page's policy.
func (t *Tab) Eval(expression string, to any) error {
	ctx, cancel := context.WithTimeout(t.ctx, step)
	defer cancel()
	yes := true
	answer, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, ReturnByValue: &yes, AwaitPromise: &yes, UserGesture: &yes,
	})
	switch {
	case err != nil:
		return err
	case answer.ExceptionDetails != nil && answer.ExceptionDetails.Exception != nil:
		return errors.New(answer.ExceptionDetails.Exception.Description)
	case answer.ExceptionDetails != nil:
		return errors.New(answer.ExceptionDetails.Text)
	case to == nil:
		return nil
	}
	return json.Unmarshal(answer.Result.Value, to)
}

// Wait waits until an expression is true.
func (t *Tab) Wait(expression string) error {
	ctx, cancel := context.WithTimeout(t.ctx, step)
	defer cancel()
	for {
		var true_ bool
		if err := t.Eval("!!("+expression+")", &true_); err == nil && true_ {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not true, after %v", expression, step)
		case <-time.After(15 * time.Millisecond):
		}
	}
}

// Type presses keys. The constants of chromedp's kb stand for those without a
// character.
func (t *Tab) Type(keys string) error { return t.do(chromedp.KeyEvent(keys)) }

// Press presses the key of a character, as a keyboard does: a page that handles the key
// can keep it from being typed.
func (t *Tab) Press(character string) error {
	return errors.Join(
		call(t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: character, Text: character}),
		call(t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: character}))
}

// Keys without a character, for Type.
const (
	Enter  = kb.Enter
	Tabula = kb.Tab
	Escape = kb.Escape
)

// BackTab presses Tab with Shift.
func (t *Tab) BackTab() error {
	return t.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(kb.ModifierShift)))
}

// Click clicks on what a CSS selector finds.
func (t *Tab) Click(selector string) error { return t.do(chromedp.Click(chromedp.CSS(selector))) }

// Size sets the viewport. A phone has one, too, and scales what does not fit.
func (t *Tab) Size(width, height int64, phone bool) error {
	return call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: phone,
	})
}

// Zoom is what a reader sees who enlarges all by a factor: fewer and larger pixels.
func (t *Tab) Zoom(width, height int64, factor float64) error {
	return call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(float64(width) / factor), Height: int64(float64(height) / factor), DeviceScaleFactor: factor,
	})
}

// Media sets what media queries see: medium is "" or "print", features are pairs of
// a name and its value.
func (t *Tab) Media(medium string, features ...string) error {
	p := emulation.SetEmulatedMediaParams{Media: medium}
	for i := 0; i+1 < len(features); i += 2 {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	return call(t, emulation.SetEmulatedMedia, p)
}

// Scripts lets pages run scripts, or not.
func (t *Tab) Scripts(on bool) error {
	return call(t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// Clipboard lets the pages of an origin write to the clipboard and read it, or not.
func (t *Tab) Clipboard(origin string, allowed bool) error {
	setting := browser.PermissionSettingDenied
	if allowed {
		setting = browser.PermissionSettingGranted
	}
	id := chromedp.FromContext(t.ctx).BrowserContextID
	for _, name := range []string{"clipboard-write", "clipboard-read"} {
		ctx, cancel := context.WithTimeout(t.ctx, step)
		_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: setting, Origin: origin, BrowserContextID: id,
		})
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// Screenshot is what the viewport shows, as PNG.
func (t *Tab) Screenshot() ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.ctx, step)
	defer cancel()
	answer, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	return answer.Data, err
}
