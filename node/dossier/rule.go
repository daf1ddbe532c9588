package dossier

import "motcua/directory"

// RuleCode names the rule that forbids an act. Append only.
type RuleCode string

// The rules.
const (
	RuleEnded      RuleCode = "ended"       // nothing follows the end of a chain
	RuleBegun      RuleCode = "begun"       // the submission was accepted or refused already
	RuleNotBegun   RuleCode = "not_begun"   // there is no dossier yet
	RuleOffice     RuleCode = "office"      // only the office that writes the chain may
	RuleRole       RuleCode = "role"        // the actor has not the role
	RuleWaiting    RuleCode = "waiting"     // another office must answer first
	RuleElsewhere  RuleCode = "elsewhere"   // the step belongs to another office: forward it
	RuleHere       RuleCode = "here"        // the step belongs to this office: do it here
	RuleKind       RuleCode = "kind"        // the step at hand asks for something else
	RuleStepsLeft  RuleCode = "steps_left"  // steps must be done before
	RuleNoStep     RuleCode = "no_step"     // no step is left on this chain
	RuleReason     RuleCode = "reason"      // a reason must be given
	RuleResult     RuleCode = "result"      // an approval must carry its result
	RuleText       RuleCode = "text"        // a text or list is too long or malformed
	RuleProcedure  RuleCode = "procedure"   // not the procedure and version of the dossier
	RuleCodeForm   RuleCode = "code"        // not a code of this office
	RuleAddressee  RuleCode = "addressee"   // submission or request is for another office
	RuleRootOnly   RuleCode = "root_only"   // only the root office may
	RuleChildOnly  RuleCode = "child_only"  // only an asked office may
	RuleUnanswered RuleCode = "unanswered"  // the child has not reported
	RuleNoRequest  RuleCode = "no_request"  // no such request is open
	RuleHandedOver RuleCode = "handed_over" // the office has handed the chain over
	RuleOpen       RuleCode = "open"        // only an office that has closed hands over, to the one that takes its work over
)

// Rule is the answer that forbids an act: which rule, and its words for the person.
type Rule struct {
	Code    RuleCode
	Message directory.Text
}

func (r *Rule) Error() string { return "forbidden by rule " + string(r.Code) + ": " + r.Message.EN }

// rule returns the Rule of a code.
func rule(c RuleCode) *Rule { return &Rule{c, ruleText(c)} }

// ruleText is the wording of every rule: what forbids it, and what to do.
func ruleText(c RuleCode) directory.Text {
	switch c {
	case RuleEnded:
		return directory.Text{VI: "Hồ sơ đã kết thúc tại cơ quan này, không thể thao tác thêm.", EN: "The dossier has ended at this office; nothing more can be done."}
	case RuleBegun:
		return directory.Text{VI: "Hồ sơ này đã được tiếp nhận hoặc bị từ chối tiếp nhận. Tải lại trang để xem.", EN: "This submission was already accepted or refused. Reload the page to see it."}
	case RuleNotBegun:
		return directory.Text{VI: "Hồ sơ chưa được tiếp nhận.", EN: "The dossier has not been accepted yet."}
	case RuleOffice:
		return directory.Text{VI: "Chỉ cơ quan đang giữ phần hồ sơ này mới được thực hiện.", EN: "Only the office that holds this part of the dossier may do this."}
	case RuleRole:
		return directory.Text{VI: "Vai trò của tài khoản này không cho phép. Hãy chuyển cho người có thẩm quyền.", EN: "Your role does not allow this. Hand it to somebody whose role does."}
	case RuleWaiting:
		return directory.Text{VI: "Đang chờ cơ quan phối hợp báo kết quả.", EN: "Waiting for the answer of the other office."}
	case RuleElsewhere:
		return directory.Text{VI: "Bước này do cơ quan khác thực hiện. Hãy chuyển hồ sơ.", EN: "This step belongs to another office. Forward the dossier."}
	case RuleHere:
		return directory.Text{VI: "Bước này thực hiện tại cơ quan mình, không chuyển đi.", EN: "This step is done here; it is not forwarded."}
	case RuleKind:
		return directory.Text{VI: "Bước đang thực hiện là việc khác.", EN: "The step at hand asks for something else."}
	case RuleStepsLeft:
		return directory.Text{VI: "Phải hoàn thành các bước trước đã.", EN: "The steps before this must be finished first."}
	case RuleNoStep:
		return directory.Text{VI: "Các bước tại cơ quan này đã xong. Hãy báo kết quả về cơ quan tiếp nhận.", EN: "The steps of this office are done. Report back."}
	case RuleReason:
		return directory.Text{VI: "Nhập lý do.", EN: "Enter the reason."}
	case RuleResult:
		return directory.Text{VI: "Đính kèm kết quả giải quyết.", EN: "Attach the result."}
	case RuleText:
		return directory.Text{VI: "Nội dung quá dài hoặc không hợp lệ.", EN: "The text is too long or malformed."}
	}
	return rarerText(c)
}

// rarerText words the rules that a person meets only through a stale page or a fault.
func rarerText(c RuleCode) directory.Text {
	switch c {
	case RuleProcedure:
		return directory.Text{VI: "Không đúng thủ tục hoặc phiên bản thủ tục của hồ sơ.", EN: "Not the procedure, or not the version, of this dossier."}
	case RuleCodeForm:
		return directory.Text{VI: "Mã hồ sơ không phải của cơ quan này.", EN: "The code is not one of this office."}
	case RuleAddressee:
		return directory.Text{VI: "Hồ sơ này gửi cho cơ quan khác.", EN: "It is addressed to another office."}
	case RuleRootOnly:
		return directory.Text{VI: "Chỉ cơ quan tiếp nhận hồ sơ mới được thực hiện.", EN: "Only the office that accepted the dossier may do this."}
	case RuleChildOnly:
		return directory.Text{VI: "Chỉ cơ quan được yêu cầu phối hợp mới được thực hiện.", EN: "Only an office that was asked may do this."}
	case RuleUnanswered:
		return directory.Text{VI: "Cơ quan phối hợp chưa báo kết quả.", EN: "The other office has not reported yet."}
	case RuleHandedOver:
		return directory.Text{VI: "Hồ sơ đã bàn giao cho cơ quan tiếp nhận bàn giao. Mọi việc tiếp theo thực hiện tại cơ quan đó.", EN: "The dossier has been handed over; the office that takes it over goes on with it."}
	case RuleOpen:
		return directory.Text{VI: "Chỉ bàn giao hồ sơ sau ngày cơ quan ngừng hoạt động, cho cơ quan tiếp nhận ghi trong quyết định.", EN: "Dossiers are handed over only after the office has closed, to the office that the decision names."}
	case RuleNoRequest:
		return directory.Text{VI: "Không có yêu cầu phối hợp nào đang mở.", EN: "No such request is open."}
	}
	return directory.Text{VI: "Việc này do hệ thống tự thực hiện.", EN: "The system does this by itself."}
}
