#include "agent/services/sessions.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "tests/unit/agent/services/session_lab.h"
#include "tests/unit/agent/temporary.h"

namespace rdev::services {
namespace {

using stream::Lane;
using testing::HasSubstr;

using Session = SessionLab;

TEST_F(Session, TellsOutputErrorsAndExitCode) {
  exec("echo out; echo err >&2; exit 3");
  EXPECT_EQ(read_all(), "out\n");
  EXPECT_EQ(read_all(Lane::kStderr), "err\n");
  EXPECT_EQ(exit_code(), 3);
  EXPECT_EQ(next_event(), std::nullopt) << "the channel closes";
  finish();
}

TEST_F(Session, TellsSignals) {
  exec("kill -SEGV $$");
  const auto event = next_event();
  ASSERT_TRUE(event && std::holds_alternative<stream::ExitSignal>(*event));
  EXPECT_EQ(std::get<stream::ExitSignal>(*event).name, "SEGV");
  finish();
}

TEST_F(Session, InputEndsByItself) {
  exec("cat; echo more");
  write("some ");
  EXPECT_EQ(read_to("some "), "some ");
  write("text\n");
  peer_->write_eof();
  EXPECT_EQ(read_all(), "text\nmore\n");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(Session, OutputEndsBeforeTheCommand) {
  exec("exec >&- 2>&-; read -r line; exit 9");
  EXPECT_EQ(read_all(), "");
  EXPECT_EQ(read_all(Lane::kStderr), "");
  write("go\n");
  EXPECT_EQ(exit_code(), 9);
}

TEST_F(Session, InputThatNobodyReadsDoesNoHarm) {
  exec("exec <&-; echo ready; read -r _ < /dev/null; exit 4");
  EXPECT_EQ(read_to("ready\n"), "ready\n");
  peer_->write_eof();
  EXPECT_EQ(exit_code(), 4);
  finish();
}

TEST_F(Session, OutputIsWholeWhenTheCommandEndsBeforeItIsRead) {
  exec("head -c 3000000 /dev/zero");
  EXPECT_EQ(read_all().size(), 3000000U);
  EXPECT_EQ(exit_code(), 0);
  finish();
}

TEST_F(Session, BackgroundProcessKeepsThePipesOpen) {
  exec("(sleep 0.2; echo late) & echo early");
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(read_to("early\n"), "early\n");
  EXPECT_EQ(read_all(), "late\n");
  EXPECT_EQ(next_event(), std::nullopt);
}

TEST_F(Session, InputEndsWithTheCommand) {
  exec("exec 3<&0; (cat <&3; echo end) & exit 7");
  EXPECT_EQ(exit_code(), 7);
  EXPECT_EQ(read_all(), "end\n");
}

TEST_F(Session, SignalsReachTheGroup) {
  exec("trap 'echo got; exit 5' USR1; echo ready; read -r _");
  EXPECT_EQ(read_to("ready\n"), "ready\n");
  peer_->send_event(stream::Signal{.name = "NOSUCH"});
  peer_->send_event(stream::Signal{.name = "USR1"});
  EXPECT_THAT(read_all(), HasSubstr("got\n"));
  EXPECT_EQ(exit_code(), 5);
}

TEST_F(Session, PeersCloseClosesThePipesAndNothingElse) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  exec(
      "exec 3> /proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(ends[1]) +
      "; trap '' PIPE; echo ready; cat > /dev/null; while echo x 2> /dev/null; do sleep 0.01; done;"
      "echo $$ >&3; exec sleep 1000 3>&-");
  EXPECT_EQ(read_to("ready\n"), "ready\n");
  peer_.reset();
  ::close(ends[1]);
  const pid_t pid = std::stoi(test::run(context_, read_fd(ends[0])));
  EXPECT_EQ(::kill(pid, SIGKILL), 0) << "it went on";
  finish();
}

TEST_F(Session, InputBeforeThePeersCloseArrives) {
  // Too much for the pipe: it has to be carried on after the close.
  exec("exec > /dev/null; sleep 0.1; test $(wc -c) = 400000");
  write(std::string(400000, 'x'));
  peer_->close();
  finish();
}

TEST_F(Session, TooLongCommandIs126AndTheReasonIsTold) {
  exec(std::string(140000, ' '));
  EXPECT_THAT(read_all(Lane::kStderr), HasSubstr("131071"));
  EXPECT_EQ(exit_code(), 126);
  finish();
}

TEST_F(Session, UnknownUserIsRefused) {
  settings_.own.name = "bob";
  sessions_.emplace(reaper_, process::JobLimits{}, settings_);
  answer_ = std::make_shared<stream::Answer>(context_.get_executor());
  tasks_.spawn("session",
               sessions_->serve({.user = "no-such-user"}, std::make_unique<stream::FakeOffer>(
                                                              context_.get_executor(), answer_)));
  finish();
  ASSERT_TRUE(answer_->refused);
  EXPECT_EQ(answer_->refused->first, stream::Refusal::kProhibited);
}

TEST_F(Session, TerminalHasItsSizeAndFollowsIt) {
  exec_on_terminal(
      "trap 'stty size; exit' WINCH; echo $TERM $(stty size) $SSH_TTY; "
      "while :; do sleep 0.05; done");
  EXPECT_THAT(read_to("\r\n"), testing::StartsWith("vt100 30 90 /dev/pts/"));
  peer_->send_event(stream::WindowChange{.columns = 120, .rows = 40});
  EXPECT_EQ(read_all(), "40 120\r\n");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(Session, TerminalEchoes) {
  exec_on_terminal("read -r line; echo \"<$line>\"");
  write("hello\n");
  EXPECT_EQ(read_all(), "hello\r\n<hello>\r\n");
}

TEST_F(Session, TerminalOutputIsWhole) {
  exec_on_terminal("head -c 3000000 /dev/zero");
  EXPECT_EQ(read_all().size(), 3000000U);
  EXPECT_EQ(exit_code(), 0);
  finish();
}

TEST_F(Session, TerminalOutputIsWholeWhenTheCommandEndsBeforeItIsRead) {
  capacity_ = 100;
  exec_on_terminal("head -c 3000 /dev/zero");
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(read_all().size(), 3000U);
  finish();
}

TEST_F(Session, TerminalDoesNotWaitForBackgroundProcesses) {
  // Ignores the hangup and keeps the terminal open.
  exec_on_terminal("trap '' HUP; sleep 1000 & echo $!");
  const pid_t sleeper = std::stoi(read_all());
  EXPECT_EQ(exit_code(), 0);
  finish();
  EXPECT_EQ(::kill(sleeper, SIGKILL), 0);
}

TEST_F(Session, PeersCloseHangsUpTheTerminal) {
  exec_on_terminal("echo ready; exec sleep 1000");
  EXPECT_EQ(read_to("ready\r\n"), "ready\r\n");
  peer_.reset();
  finish();
  EXPECT_TRUE(test::run(context_, childless())) << "it died of SIGHUP";
}

TEST_F(Session, ArgvIsExact) {
  argv({"printf", "<%s>", "", "a b", "$HOME", "*"});
  EXPECT_EQ(read_all(), "<><a b><$HOME><*>");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(Session, ArgvIsLookedUpInThePathThatTheUserGives) {
  open({.kind = SessionKind::kArgv,
        .argv = {"printf", "x"},
        .env = {{"PATH", "/nowhere"}},
        .env_rule = EnvRule::kAll});
  EXPECT_EQ(read_all(Lane::kStderr), "rdev: printf: command not found\n");
  EXPECT_EQ(exit_code(), 127);
  finish();
}

TEST_F(Session, ArgvOfWhatMayNotRunIs126) {
  argv({"/etc/passwd"});
  EXPECT_THAT(read_all(Lane::kStderr), HasSubstr("Permission denied"));
  EXPECT_EQ(exit_code(), 126);
}

TEST_F(Session, ArgvOfATextWithoutAnInterpreterIs126) {
  const test::Temporary directory;
  const auto file = directory.file("text", "echo hello\n");
  std::filesystem::permissions(file, std::filesystem::perms(0700));
  argv({file.string()});
  EXPECT_THAT(read_all(Lane::kStderr), HasSubstr("#!"));
  EXPECT_EQ(exit_code(), 126);
}

TEST_F(Session, ArgvOnATerminal) {
  open({.kind = SessionKind::kArgv,
        .argv = {"stty", "size"},
        .terminal = TerminalRequest{.term = "vt100", .size = {.columns = 90, .rows = 30}},
        .env_rule = EnvRule::kAll});
  EXPECT_EQ(read_all(), "30 90\r\n");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(Session, NoUserIsTheAgentsOwn) {
  user_.clear();
  exec("echo $USER");
  EXPECT_EQ(read_all(), "alice\n");
}

TEST_F(Session, AnnouncementsReachTerminals) {
  exec_on_terminal("stty -echo; echo ready; read -r _; echo more");
  EXPECT_EQ(read_to("ready\r\n"), "ready\r\n");
  sessions_->announce("it ends");
  EXPECT_EQ(read_to("\r\nrdev: it ends\r\n"), "\r\nrdev: it ends\r\n");
  write("\n");
  EXPECT_EQ(read_all(), "more\r\n");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(Session, AnnouncementsNeverReachPipes) {
  exec("echo ready; read -r _; echo more");
  EXPECT_EQ(read_to("ready\n"), "ready\n");
  sessions_->announce("it ends");
  write("\n");
  EXPECT_EQ(read_all(), "more\n");
}

TEST_F(Session, AnnouncementsDoNotCutOutput) {
  capacity_ = 1000;  // so that the output waits for us
  exec_on_terminal("stty -opost; head -c 300000 /dev/zero; read -r _");
  std::string all = read_to(std::string(1, '\0'));
  sessions_->announce("one");
  sessions_->announce("dropped: the first still waits");
  all += read_to("\r\nrdev: one\r\n");
  write("\n");
  all += read_all();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\0'), 300000);
  EXPECT_THAT(all, testing::Not(HasSubstr("dropped")));
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(Session, AnnouncementsToSomebodyWhoDoesNotReadDoNoHarm) {
  capacity_ = 3;
  exec_on_terminal("stty -echo; read -r _; exit 5");
  sessions_->announce("nobody reads this");
  write("\n");
  EXPECT_EQ(exit_code(), 5);
  peer_.reset();
  finish();
}

TEST_F(Session, HangUpEndsWhatIsOnATerminal) {
  exec_on_terminal("trap 'exit 6' HUP; echo ready; while :; do sleep 0.05; done");
  EXPECT_EQ(read_to("ready\r\n"), "ready\r\n");
  sessions_->hang_up();
  EXPECT_EQ(exit_code(), 6);
}

TEST_F(Session, NoneStartsOnceTheJobEnds) {
  exec("exit 0");
  finish();
  sessions_->hang_up();
  answer_ = std::make_shared<stream::Answer>(context_.get_executor());
  tasks_.spawn("session", sessions_->serve({}, std::make_unique<stream::FakeOffer>(
                                                   context_.get_executor(), answer_)));
  finish();
  ASSERT_TRUE(answer_->refused);
  EXPECT_EQ(answer_->refused->second, "the job is ending");
}

TEST_F(Session, CancellationEndsIt) {
  exec("exec sleep 1000");
  tasks_.cancel();
  finish();
  EXPECT_EQ(next_event(), std::nullopt);
}

// An image without any shell.
class NoShell : public SessionLab {
 protected:
  NoShell() {
    settings_.own.shell.clear();
    settings_.shell_path.clear();
    settings_.job_environment.set("PATH", "/usr/bin/nowhere");
  }
};

TEST_F(NoShell, ShellIsASentence) {
  open({.kind = SessionKind::kShell});
  EXPECT_THAT(read_all(Lane::kStderr), HasSubstr("no shell"));
  EXPECT_EQ(exit_code(), 127);
}

TEST_F(NoShell, ExecRunsWords) {
  exec("/usr/bin/printf '%s|' a 'b c' \"d'e\" f\\ g");
  EXPECT_EQ(read_all(), "a|b c|d'e|f g|");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(NoShell, ExecThatNeedsAShellIsASentence) {
  exec("/usr/bin/printf a | cat");
  EXPECT_THAT(read_all(Lane::kStderr), HasSubstr("only a shell"));
  EXPECT_EQ(exit_code(), 127);
}

TEST_F(NoShell, ExecOfTheAbsentAndTheEmpty) {
  exec("no-such-program");
  EXPECT_EQ(read_all(Lane::kStderr), "rdev: no-such-program: command not found\n");
  EXPECT_EQ(exit_code(), 127);
  exec(" ");
  EXPECT_THAT(read_all(Lane::kStderr), HasSubstr("empty"));
  EXPECT_EQ(exit_code(), 127);
}

TEST_F(NoShell, ExecOfWhatMayNotRunIs126) {
  exec("/etc/passwd");
  EXPECT_THAT(read_all(Lane::kStderr), HasSubstr("Permission denied"));
  EXPECT_EQ(exit_code(), 126);
}

}  // namespace
}  // namespace rdev::services
