"use strict";
// Lets a form be answered by a security key (WebAuthn): the one thing that a page cannot do without a script. The form carries
// what to ask for as JSON; the answer goes into its field "answer", and the form is sent like any other.
(() => {
  const form = document.querySelector("form[data-key]");
  if (!form || !window.PublicKeyCredential) return;
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => b && btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const ask = () => {
    const o = JSON.parse(form.dataset.key);
    o.challenge = bytes(o.challenge);
    if (o.user) o.user.id = bytes(o.user.id);
    for (const c of [...(o.excludeCredentials || []), ...(o.allowCredentials || [])]) c.id = bytes(c.id);
    return { publicKey: o };
  };
  const answer = (c) => {
    const r = c.response;
    return JSON.stringify({
      id: c.id, rawId: text(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment || undefined,
      clientExtensionResults: {},
      response: {
        clientDataJSON: text(r.clientDataJSON), attestationObject: text(r.attestationObject),
        authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: text(r.userHandle),
        transports: r.getTransports ? r.getTransports() : undefined,
      },
    });
  };
  const say = form.querySelector("[role=status]");
  form.hidden = false;
  for (const p of document.querySelectorAll("[data-no-key]")) p.hidden = true;
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    say.textContent = form.dataset.touch;
    try {
      const c = await (form.dataset.make ? navigator.credentials.create(ask()) : navigator.credentials.get(ask()));
      form.elements.answer.value = answer(c);
      form.submit();
    } catch {
      say.textContent = form.dataset.failed;
    }
  });
})();
