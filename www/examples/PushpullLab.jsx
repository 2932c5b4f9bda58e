// For Docusaurus, MDX and React: <PushpullLab lesson="first-message" lang="ko" title="첫 메시지" />
// The element is loaded in the browser alone; on the server only the link is rendered.
import { useEffect } from "react";

const HOST = "https://HOST";

export default function PushpullLab({ lesson, lang, title, ...rest }) {
  useEffect(() => {
    import(/* webpackIgnore: true */ `${HOST}/embed/pushpull.js`);
  }, []);
  return (
    <pushpull-lab lesson={lesson} lang={lang} title={title} {...rest}>
      <a href={`${HOST}/?lesson=${lesson}&lang=${lang}`}>{title}</a>
    </pushpull-lab>
  );
}
