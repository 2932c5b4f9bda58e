//! Korean.

use super::Keeping;

pub(super) const TEXTS: Keeping = Keeping {
    share: "공유",
    share_title: "이 실습실 공유하기",
    share_lead: "링크에는 시드와 명령만 들어 있습니다. 링크를 연 사람의 브라우저에서 같은 일이 그대로 다시 일어나 지금 이 순간에 멈춥니다.",
    share_link: "링크",
    share_copy: "링크 복사",
    share_long: "이 실습실은 링크로 만들면 {count}자입니다. {limit}자가 넘는 링크는 중간에 잘리는 곳이 많으니 파일로 저장해 주세요.",
    share_save: "파일로 저장",
    share_open: "파일 열기",
    saving_shared: "공유받은 실습실: 저장 안 함",
    toast_link: "링크를 열지 못했습니다.",
    toast_shared: "공유된 순간 그대로의 실습실입니다. 내 실습실은 그대로 있고, 여기서 하는 일은 저장되지 않습니다.",
    link_long: "{found}자입니다. {expected}자까지만 읽습니다.",
    link_letter: "{expected}번째 글자 “{found}”: 링크에 쓰이지 않는 글자입니다.",
    link_short: "중간에 잘렸습니다. {found}바이트뿐이고, 가장 짧은 링크도 {expected}바이트입니다.",
    link_newer: "더 새로운 버전의 형식 {found}입니다. 이 페이지는 형식 {expected}까지 읽습니다. 페이지를 새로고침해 보세요.",
    link_damaged: "잘렸거나 바뀌었습니다. 체크섬이 {found}인데 {expected}여야 합니다. 링크를 다시 받아 주세요.",
    link_unpacked: "{expected}바이트 안으로 풀리지 않습니다: {found}.",
    link_shape: "형식 {expected} 링크의 내용이 아닙니다: {found}.",
    link_actions: "명령이 {found}개입니다. {expected}개까지만 읽습니다.",
    link_action: "명령 {found}; 있어야 할 것: {expected}.",
    link_lab: "실습실을 만들 수 없습니다: {found}; 있어야 할 것: {expected}.",
    link_far: "처음부터 이벤트 {found}개 떨어진 곳입니다. {expected}개까지만 다시 실행합니다.",
    link_strayed: "버전 {expected}에서는 명령 {found}에서 결과가 달라집니다.",
    link_lesson: "실습 {expected}: 이 자리를 열 수 없습니다: {found}.",
};
