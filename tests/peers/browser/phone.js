// A telephone in a browser: SIP.js over WebSocket (RFC 7118). It registers, then calls `callee`
// or waits to be called, and tells the page's server what happens, one word a step.
//
// Only the signalling is real: the SDP below stands for what WebRTC would negotiate, so that
// neither a microphone nor DTLS is needed.

import { Inviter, Registerer, SessionState, UserAgent } from "./sip.js/index.js";

const wanted = Object.fromEntries(new URLSearchParams(window.location.search));

const SDP = [
  "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
  "m=audio 40000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "",
].join("\r\n");

function tell(word, detail = "") {
  return fetch("/told", { method: "POST", body: JSON.stringify([word, String(detail)]) });
}

class FixedDescription {
  close() {}
  hasDescription(contentType) { return contentType === "application/sdp"; }
  async getDescription() { return { body: SDP, contentType: "application/sdp" }; }
  async setDescription(sdp) { await tell("sdp", sdp); }
  sendDtmf() { return false; }
}

function watch(session) {
  session.stateChange.addListener((state) => {
    if (state === SessionState.Established) tell("established");
    if (state === SessionState.Terminated) tell("terminated");
  });
}

const agent = new UserAgent({
  uri: UserAgent.makeURI(`sip:${wanted.user}@${wanted.domain}`),
  authorizationUsername: wanted.user,
  authorizationPassword: wanted.password,
  transportOptions: { server: wanted.server },
  sessionDescriptionHandlerFactory: () => new FixedDescription(),
  logBuiltinEnabled: false,
  delegate: {
    onConnect: () => tell("connected"),
    onDisconnect: (error) => tell("disconnected", error || ""),
    onMessage: async (message) => {
      await message.accept();
      tell("message", message.request.body);
    },
    onInvite: async (invitation) => {
      watch(invitation);
      await tell("ringing", invitation.remoteIdentity.uri);
      await invitation.accept();
    },
  },
});

async function call() {
  const inviter = new Inviter(agent, UserAgent.makeURI(`sip:${wanted.callee}@${wanted.domain}`));
  watch(inviter);
  await inviter.invite({
    requestDelegate: {
      onProgress: (response) => tell("progress", response.message.statusCode),
      onReject: (response) => tell("rejected", response.message.statusCode),
      onAccept: () => setTimeout(() => inviter.bye(), 300),
    },
  });
}

try {
  await agent.start();
  const registerer = new Registerer(agent, { expires: 120 });
  await registerer.register({
    requestDelegate: {
      onAccept: () => { tell("registered"); if (wanted.callee) call(); },
      onReject: (response) => tell("refused", response.message.statusCode),
    },
  });
} catch (error) {
  tell("failed", error);
}
