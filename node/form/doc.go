// Package form reads, checks and shows the forms of procedures. It is pure: bytes and values in, values out.
//
// # The format
//
// A form is a JSON Schema 2020-12 of one flat object. Every keyword it may use is listed here; any other is an error
// of [Compile], so that a form never says something that this version does not enforce.
//
//	object    $schema, type "object", title, description, properties, required, additionalProperties false (obligatory)
//	property  type "string", "integer", "number" or "boolean"; title, description
//	string    minLength, maxLength, pattern (RE2, anchored with ^ and $), format "date", enum, oneOf
//	option    of oneOf: const, title, x-label
//	integer   minimum, maximum (both obligatory, whole)
//	number    the same, and multipleOf 0.1 or 0.01: how many decimals may be given
//	boolean   const true: the box must be ticked
//
// A free string must bound its length with maxLength. There are no references, no nesting and no conditions.
//
// The hints, each a {"vi", "en"} text unless said otherwise:
//
//	x-label         the question; title stands in for its Vietnamese
//	x-hint          a line below the label
//	x-error         what to say when the answer is malformed; a missing answer has its own message
//	x-section       the heading that this field and the next ones stand under
//	x-order         whole number; fields are shown in this order, then by id
//	x-widget        "textarea" for a string; "radio" or "select" for a choice
//	x-autocomplete  the HTML autocomplete token
//	x-inputmode     the HTML inputmode
//	x-plain         true for an integer that is not counted, as a year: 1850, not 1.850
//
// # The answers
//
// Answers are one JSON object in canonical form: keys sorted, no white space, text in NFC, no member for a question left
// empty. A string is a string, a date is "yyyy-mm-dd", a choice is its const, an integer is a number, a number is one with
// no more decimals than it needs (250.5, never 250.50 or 2505e-1) and is never made a float, a boolean is always there.
// [Form.Decode] makes them from a posted page, and keeps a malformed value as the text that was typed, so that
// the page can show it again; [Form.Validate] says whether they are right, whoever made them.
package form
