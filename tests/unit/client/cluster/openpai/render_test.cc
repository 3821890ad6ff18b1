#include "client/cluster/openpai/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "client/cluster/openpai/document.h"
#include "client/cluster/openpai/region.h"
#include "client/cluster/openpai/schema.h"
#include "protocol/ssh/base64.h"
#include "tests/unit/client/cluster/openpai/documents.h"

namespace rdev::cluster::openpai {
namespace {

namespace json = boost::json;
using test::parse;
using test::read_source;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// As people have it from before, in their own words.
const char* const kOld = R"(protocolVersion: 2
name: my_old_template
type: job
jobRetryCount: 0
prerequisites:
  - {type: dockerimage, uri: "example/tensorflow:1", name: docker_image_0}
taskRoles:
  Task_role_1:
    instances: 1
    completion: {minFailedInstances: 1, minSucceededInstances: 1}
    dockerImage: docker_image_0
    resourcePerInstance: {gpu: 0, cpu: 1, memoryMB: 2048}
    commands:
      - umask 000
      - '`#REMOTE_DEV_START`'
      - '`#Auto generated code, please do not modify`'
      - mkdir -p /root/workspace
      - sleep 18000
      - '`#REMOTE_DEV_END`'
      - echo <% $parameters.what %>
    taskRetryCount: 0
  Other:
    dockerImage: docker_image_0
    resourcePerInstance: {gpu: 0, cpu: 1, memoryMB: 2048}
    commands: [sleep 1]
parameters: {what: 1}
deployments:
  - name: d
    taskRoles: {Task_role_1: {preCommands: [a]}, Other: {postCommands: [b]}}
defaults: {virtualCluster: default, deployment: d}
extras:
  hivedScheduler: {taskRoles: {Other: {skuType: K80}, Task_role_1: {skuType: M60, skuNumber: 2}}}
  com.microsoft.pai.runtimeplugin:
    - {plugin: ssh, taskroles: [Other, Task_role_1]}
)";

JobSpec spec_of(const std::string& text) {
  JobSpec spec;
  spec.name = "box";
  spec.id = "0123456789abcdef";
  spec.owner = "SHA256:owner";
  spec.document = JobSpec::Document{.text = text, .file = "job.yaml"};
  return spec;
}

RenderInput input_of(int instances = 1) {
  RenderInput input{.agent_config = std::string("secret\0config", 13),
                    .stub = std::string(3000, 'S'),
                    .agent_sha256 = "abc",
                    .agent_size = 7,
                    .version = "1.2"};
  for (int i = 0; i < instances; ++i) {
    input.host_public_keys.push_back("ssh-ed25519 K" + std::to_string(i));
  }
  return input;
}

Rendered rendered(const JobSpec& spec) {
  const auto result = render(spec, input_of(spec.instances));
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(Rendered{});
}

json::value job_of(const JobSpec& spec) { return parse(rendered(spec).body); }

std::string error_of(const JobSpec& spec) {
  const auto result = render(spec, input_of(spec.instances));
  EXPECT_FALSE(result) << result->preview;
  EXPECT_EQ(result ? Code::kFailed : result.error().code, Code::kUsage);
  return result ? "" : result.error().message;
}

std::string text_at(const json::value& job, const char* pointer) {
  return json::serialize(job.at_pointer(pointer));
}

TEST(Render, OfTheTemplateThatComesWithRdev) {
  const JobSpec spec = spec_of(read_source("jobtemplates/openpai.yaml"));
  const Rendered result = rendered(spec);
  EXPECT_EQ(result.job_name, "rdev-box-012345");
  EXPECT_EQ(result.role, "rdev");
  EXPECT_EQ(result.instances, 1);
  EXPECT_THAT(result.notes, IsEmpty());
  const json::value job = parse(result.body);
  EXPECT_THAT(problems(job), IsEmpty());
  EXPECT_EQ(text_at(job, "/name"), R"("rdev-box-012345")");
  EXPECT_EQ(text_at(job, "/taskRoles/rdev/resourcePerInstance"),
            R"({"gpu":0,"cpu":2,"memoryMB":4096,"ports":{"rdev":1}})");
  EXPECT_THAT(job.at("taskRoles").at("rdev").at("commands").as_array(), SizeIs(3));
  EXPECT_THAT(text_at(job, "/taskRoles/rdev/commands/1"), HasSubstr("rdev_mode=end"));
  EXPECT_EQ(text_at(job, "/secrets"),
            "{\"rdev_agent\":\"" + ssh::base64(input_of().agent_config) + "\"}");
  // The settings are gone, the facts are there.
  EXPECT_EQ(text_at(job, "/extras/rdev"),
            R"({"id":"0123456789abcdef","name":"box","owner":"SHA256:owner",)"
            R"("host_public_keys":["ssh-ed25519 K0"],"agent":{"sha256":"abc","size":7},)"
            R"("version":"1.2"})");
}

TEST(Render, AnOldTemplateWorksWithRolesAsTheServerCallsThem) {
  const Rendered result = rendered(spec_of(kOld));
  EXPECT_EQ(result.role, "taskrole1");
  ASSERT_THAT(result.notes, SizeIs(2));
  EXPECT_THAT(result.notes[0], HasSubstr("the role Task_role_1 is called taskrole1"));
  const json::value job = parse(result.body);
  EXPECT_EQ(job.at("taskRoles").as_object().begin()->key(), "taskrole1");
  EXPECT_EQ(text_at(job, "/taskRoles/taskrole1/commands/0"), R"("umask 000")");
  EXPECT_THAT(text_at(job, "/taskRoles/taskrole1/commands/2"),
              HasSubstr("PAI_PORT_LIST_taskrole1_"));
  EXPECT_EQ(text_at(job, "/taskRoles/taskrole1/commands/4"), R"("echo <% $parameters.what %>")");
  EXPECT_THAT(result.body, Not(HasSubstr("18000")));
  EXPECT_EQ(text_at(job, "/taskRoles/taskrole1/completion/minSucceededInstances"), "1");
  EXPECT_EQ(text_at(job, "/taskRoles/other/instances"), "1");
  EXPECT_EQ(text_at(job, "/taskRoles/other/commands"), R"(["sleep 1"])");
  EXPECT_EQ(text_at(job, "/deployments/0/taskRoles"),
            R"({"taskrole1":{"preCommands":["a"]},"other":{"postCommands":["b"]}})");
  EXPECT_EQ(text_at(job, "/extras/hivedScheduler/taskRoles"),
            R"({"other":{"skuType":"K80"},"taskrole1":{"skuType":"M60","skuNumber":2}})");
  EXPECT_EQ(text_at(job, "/extras/com.microsoft.pai.runtimeplugin/0/taskroles"),
            R"(["other","taskrole1"])");
}

TEST(Render, OptionsGoOverTheDocument) {
  JobSpec spec = spec_of(kOld);
  spec.image = "debian:12";
  spec.gpus = 4;
  spec.cpus = 2.1;
  spec.memory_bytes = (3ULL << 30U) + 1;
  spec.shm_bytes = 1ULL << 30U;
  spec.instances = 3;
  spec.virtual_cluster = "vc2";
  spec.priority = "oppo";
  spec.sku = "V100";
  spec.storages = {"data", "more:/more", "data"};
  spec.setup = {"apt-get update"};
  spec.command = {"python3", "it's.py", "<% $parameters.what %>"};
  const Rendered result = rendered(spec);
  EXPECT_EQ(result.instances, 3);
  const json::value job = parse(result.body);
  const json::value& role = job.at("taskRoles").at("taskrole1");
  EXPECT_EQ(json::serialize(role.at("resourcePerInstance")),
            R"({"gpu":4,"cpu":3,"memoryMB":3073,"ports":{"rdev":1,"master":1}})");
  EXPECT_EQ(text_at(role, "/extraContainerOptions"), R"({"shmMB":1024})");
  EXPECT_EQ(text_at(role, "/instances"), "3");
  EXPECT_FALSE(role.as_object().contains("completion"));
  EXPECT_THAT(result.notes.back(), HasSubstr("`completion` of the template"));
  // The other role keeps the image that both had.
  EXPECT_EQ(text_at(role, "/dockerImage"), R"("rdev_image")");
  EXPECT_EQ(text_at(job, "/prerequisites"),
            R"([{"type":"dockerimage","uri":"example/tensorflow:1","name":"docker_image_0"},)"
            R"({"type":"dockerimage","name":"rdev_image","uri":"debian:12"}])");
  EXPECT_EQ(text_at(job, "/defaults/virtualCluster"), R"("vc2")");
  EXPECT_EQ(text_at(job, "/extras/hivedScheduler/jobPriorityClass"), R"("oppo")");
  EXPECT_EQ(text_at(job, "/extras/hivedScheduler/taskRoles/taskrole1"),
            R"({"skuType":"V100","skuNumber":2})");
  EXPECT_EQ(text_at(job, "/extras/storages"),
            R"([{"name":"data"},{"name":"more","mountPath":"/more"}])");
  EXPECT_EQ(text_at(role, "/commands/1"), R"("apt-get update")");
  EXPECT_EQ(json::serialize(role.at("commands").as_array().back()),
            R"("'python3' 'it'\\''s.py' '<% $parameters.what %>'")");
}

TEST(Render, TheImageIsMadeWhenThereIsNone) {
  JobSpec spec = spec_of(
      "{protocolVersion: 2, type: job, taskRoles: {a: {commands: [x], resourcePerInstance: {gpu: "
      "0, cpu: 1, memoryMB: 1, ports: {master: 2}}}}}");
  EXPECT_EQ(error_of(spec), "job.yaml:1:48: taskRoles.a.dockerImage: is missing");
  spec.image = "debian:12";
  spec.sku = "K80";
  spec.instances = 2;
  const json::value job = job_of(spec);
  EXPECT_EQ(text_at(job, "/prerequisites"),
            R"([{"type":"dockerimage","name":"rdev_image","uri":"debian:12"}])");
  EXPECT_EQ(text_at(job, "/taskRoles/a/resourcePerInstance/ports"), R"({"master":2,"rdev":1})");
  EXPECT_EQ(text_at(job, "/extras/hivedScheduler"),
            R"({"taskRoles":{"a":{"skuType":"K80","skuNumber":1}}})");
}

TEST(Render, AnImageOfTheRolesOwnIsChangedInItsPlace) {
  JobSpec spec = spec_of(read_source("tests/fakes/openpai/samples/job-submit.yaml"));
  spec.image = "debian:12";
  spec.instances = 2;
  const json::value job = job_of(spec);
  EXPECT_EQ(text_at(job, "/prerequisites"),
            R"([{"type":"dockerimage","uri":"debian:12","name":"docker_image_0"}])");
  EXPECT_EQ(text_at(job, "/secrets/pw"), R"("hunter2")");
  EXPECT_EQ(text_at(job, "/taskRoles/worker/completion/minSucceededInstances"), "1");
}

TEST(Render, OfItsOwnOutputIsTheSame) {
  for (const std::string& text : {read_source("jobtemplates/openpai.yaml"), std::string(kOld),
                                  read_source("tests/fakes/openpai/samples/job-submit.yaml")}) {
    JobSpec spec = spec_of(text);
    spec.image = "debian:12";
    spec.instances = 2;
    spec.sku = "K80";
    spec.storages = {"nfs-data"};
    spec.setup = {"a", "b"};
    spec.command = {"last"};
    const Rendered first = rendered(spec);
    spec.document->text = first.body;
    EXPECT_EQ(rendered(spec).body, first.body);
    // What a user saves of the preview has all but the secrets.
    spec.document->text = first.preview;
    EXPECT_EQ(rendered(spec).preview, first.preview);
  }
}

TEST(Render, ThePreviewHasNoSecretsAndNoBytes) {
  JobSpec spec = spec_of(read_source("tests/fakes/openpai/samples/job-submit.yaml"));
  spec.document->text.replace(spec.document->text.find("    name: docker_image_0"), 0,
                              "    auth: {username: me, password: topsecret}\n");
  spec.instances = 2;
  const Rendered result = rendered(spec);
  EXPECT_THAT(result.body, HasSubstr("topsecret"));
  EXPECT_THAT(result.body, HasSubstr(std::string(3000, 'S')));
  for (const std::string& secret : {std::string("hunter2"), std::string("topsecret"),
                                    ssh::base64(input_of().agent_config), std::string(100, 'S')}) {
    EXPECT_THAT(result.preview, Not(HasSubstr(secret)));
  }
  EXPECT_THAT(result.preview, HasSubstr("rdev_agent: \"******\""));
  EXPECT_THAT(result.preview, HasSubstr("[rdev-stub,"));
  EXPECT_THAT(result.preview, HasSubstr("PAI_PORT_LIST_worker_"));
  EXPECT_LT(result.preview.size(), 6000U);
}

TEST(Render, ErrorsHaveTheirPlace) {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = kOld;
    text.replace(text.find(from), from.size(), to);
    return error_of(spec_of(text));
  };
  EXPECT_EQ(
      with("cpu: 1", "cpu: one"),
      "job.yaml:12:40: taskRoles.Task_role_1.resourcePerInstance.cpu: must be a whole number, "
      "not 'one'");
  EXPECT_EQ(with("    taskRetryCount: 0", "    taskretrycount: 0\n    image: x"),
            "job.yaml:21:5: taskRoles.Task_role_1.taskretrycount: unknown key, did you mean "
            "'taskRetryCount'?\n"
            "job.yaml:22:5: taskRoles.Task_role_1.image: unknown key");
  EXPECT_EQ(with("'`#REMOTE_DEV_END`'", "'x'"),
            "job.yaml:15:9: taskRoles.Task_role_1.commands[1]: the mark `#REMOTE_DEV_START` has no "
            "`#REMOTE_DEV_END` after it");
  EXPECT_THAT(with("sleep 1]", "'`#REMOTE_DEV_START`', '`#REMOTE_DEV_END`']"),
              HasSubstr("job.yaml:25:16: taskRoles.Other.commands[0]: rdev comes into the first "
                        "role only, which is Task_role_1"));
  EXPECT_EQ(with("parameters: {what: 1}", "parameters: {what: 1}\nsecrets: {rdev_agent: x}"),
            "job.yaml:27:11: secrets.rdev_agent: is rdev's own: give your secret another name");
  EXPECT_THAT(with("name: my", "name: [my"), HasSubstr("job.yaml:"));
  EXPECT_EQ(error_of(spec_of("")), "job.yaml: must be a mapping of keys to values, not empty");
  EXPECT_THAT(error_of(spec_of("image: debian:12\n")), HasSubstr("taskRoles: is missing"));
  JobSpec odd = spec_of(kOld);
  odd.storages = {"x"};
  odd.document->text += "  storages: all\n";
  EXPECT_THAT(error_of(odd), HasSubstr("job.yaml:35:13: extras.storages: must be a list"));
}

TEST(Render, AJobThatTheServerWouldFindTooLongIsRefused) {
  JobSpec spec = spec_of(kOld);
  spec.setup = {std::string(kMaxJobBytes, 'x')};
  const auto result = render(spec, input_of());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kLimit);
  EXPECT_THAT(result.error().message, HasSubstr("the server takes at most 102400"));
}

TEST(Render, WantsAHostKeyForEachInstance) {
  JobSpec spec = spec_of(kOld);
  spec.instances = 2;
  EXPECT_FALSE(render(spec, input_of(1)));
}

TEST(CheckSpec, RefusesWhatOpenpaiCannotDo) {
  EXPECT_TRUE(check_spec(spec_of(kOld)));
  const std::pair<void (*)(JobSpec&), const char*> table[] = {
      {[](JobSpec& spec) { spec.user = "me"; }, "another user (--user)"},
      {[](JobSpec& spec) { spec.privileged = true; }, "privileged"},
      {[](JobSpec& spec) { spec.read_only = true; }, "read_only"},
      {[](JobSpec& spec) { spec.mounts.push_back({.host = "/a", .path = "/b"}); },
       "--storage NAME"},
      {[](JobSpec& spec) { spec.publish = "0.0.0.0"; }, "--publish"},
      {[](JobSpec& spec) { spec.entrypoint = false; }, "--no-entrypoint"},
      {[](JobSpec& spec) { spec.ports = {80}; }, "ports: {LABEL: 1}"},
      {[](JobSpec& spec) { spec.gpus = -1; }, "--gpus 4"},
      {[](JobSpec& spec) { spec.document.reset(); }, "--template FILE"},
      {[](JobSpec& spec) { spec.instances = 0; }, "at least one instance"},
      {[](JobSpec& spec) { spec.priority = "crit"; }, "prod, test or oppo"},
      {[](JobSpec& spec) { spec.storages = {""}; }, "a storage needs a name"},
      {[](JobSpec& spec) { spec.storages = {":/data"}; }, "a storage needs a name"},
      {[](JobSpec& spec) { spec.storages = {"data:"}; }, "an absolute path"},
      {[](JobSpec& spec) { spec.command = {"\xff"}; }, "the command must be UTF-8"},
      {[](JobSpec& spec) { spec.env = {{"A", std::string(1, '\0')}}; }, "NUL"},
  };
  for (const auto& [change, wanted] : table) {
    JobSpec spec = spec_of(kOld);
    change(spec);
    const auto checked = check_spec(spec);
    ASSERT_FALSE(checked) << wanted;
    EXPECT_EQ(checked.error().code, Code::kUsage);
    EXPECT_THAT(checked.error().message, HasSubstr(wanted));
    EXPECT_FALSE(render(spec, input_of(spec.instances)));
  }
}

}  // namespace
}  // namespace rdev::cluster::openpai
