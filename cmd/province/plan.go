package province

import (
	"fmt"
	"strings"

	"motcua/directory"
	"motcua/directory/fold"
	"motcua/directory/khanhhoa"
)

// Plan is who takes part in a province and on which ports. It is kept in the demo's folder, so that a demo resumes
// with the addresses its directory knows.
type Plan struct {
	Version int            `json:"version"`
	Founded directory.Date `json:"founded"`
	Servers []ServerPlan   `json:"servers"`
	Offices []OfficePlan   `json:"offices"`
}

// planVersion is the format of a Plan this program writes and reads.
const planVersion = 1

// ServerPlan is one directory server.
type ServerPlan struct {
	Name string `json:"name"`
	Addr string `json:"addr"`
}

// OfficePlan is one office's node.
type OfficePlan struct {
	Code directory.OfficeCode `json:"code"`
	Slug string               `json:"slug"` // what a person types: "dien-an"
	Name string               `json:"name"`
	Addr string               `json:"addr"` // UDP; the portal listens on the same number in TCP
}

// Portal is the base URL of the office's pages.
func (o OfficePlan) Portal() string { return "http://" + o.Addr }

// demoOffices are the offices of the demo: the provincial centre, three departments, three districts and six communes,
// one of them 500 km out at sea.
var demoOffices = []struct {
	code directory.OfficeCode
	slug string
}{
	{"H32.01", "trung-tam"},
	{"H32.02", "so-tu-phap"},
	{"H32.03", "so-ldtbxh"},
	{"H32.05", "so-tnmt"},
	{"H32.574", "dien-khanh"},
	{"H32.568", "nha-trang"},
	{"H32.576", "huyen-truong-sa"},
	{"H32.22693", "dien-an"},
	{"H32.22672", "dien-tho"},
	{"H32.22702", "suoi-hiep"},
	{"H32.22363", "loc-tho"},
	{"H32.22384", "vinh-luong"},
	{"H32.22736", "truong-sa"},
}

// serverCount is how many directory servers the demo runs: the fewest that survive the loss of one.
const serverCount = 3

// NewPlan lays out the demo on the ports from base up, on the loopback address.
func NewPlan(base int, today directory.Date) (Plan, error) {
	names := map[directory.OfficeCode]string{}
	for _, o := range khanhhoa.Offices() {
		names[o.Code] = o.NameOn(today).VI
	}
	p := Plan{Version: planVersion, Founded: today}
	for i := range serverCount {
		p.Servers = append(p.Servers, ServerPlan{fmt.Sprintf("dir-%d", i+1), address(base + i)})
	}
	for i, o := range demoOffices {
		if names[o.code] == "" {
			return Plan{}, fmt.Errorf("plan the demo: no office %s in the province's tables", o.code)
		}
		p.Offices = append(p.Offices, OfficePlan{o.code, o.slug, names[o.code], address(base + 10 + i)})
	}
	return p, nil
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// planName is what one office or server answers to.
type planName struct{ name, slug, long string }

func (p Plan) names() []planName {
	var out []planName
	for _, s := range p.Servers {
		out = append(out, planName{s.Name, s.Name, s.Name})
	}
	for _, o := range p.Offices {
		out = append(out, planName{string(o.Code), o.Slug, o.Name})
	}
	return out
}

// title is how a person is told of an office or server.
func (p Plan) title(name string) string {
	for _, n := range p.names() {
		if n.name == name {
			return n.long
		}
	}
	return name
}

// Find resolves what a person typed — a slug, a code, a server's name, or a part of an office's name with or without
// accents — to the one name it means.
func (p Plan) Find(typed string) (string, error) { return find(p.names(), typed) }

func find(all []planName, typed string) (string, error) {
	want := fold.Fold(strings.ReplaceAll(typed, "-", " "))
	var partial, choices []string
	for _, n := range all {
		if strings.EqualFold(typed, n.name) || want == fold.Fold(strings.ReplaceAll(n.slug, "-", " ")) {
			return n.name, nil
		}
		if strings.Contains(fold.Fold(n.long), want) {
			partial = append(partial, n.name)
		}
		choices = append(choices, n.slug)
	}
	if len(partial) == 1 {
		return partial[0], nil
	}
	return "", fmt.Errorf("no one office or server is called %q; it is one of: %s", typed, strings.Join(choices, ", "))
}
