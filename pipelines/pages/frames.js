  const phone = document.getElementById("phone");
  function fit(frame) {
    const page = frame.contentDocument?.documentElement, box = frame.parentElement.style;
    if (!page || !frame.offsetWidth) return;  // not there yet, or the other view is shown
    const style = getComputedStyle(frame.parentElement);
    const room = frame.parentElement.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    box.setProperty("--scale", Math.min(1, room / frame.offsetWidth));
    box.setProperty("--shown", "0px");  // a page is never less tall than its frame
    box.setProperty("--shown", `${page.scrollHeight}px`);
  }
  function fitAll() { document.querySelectorAll("iframe").forEach(fit); }
  phone.checked ||= innerWidth <= 440;
  document.querySelectorAll("iframe").forEach(frame => frame.addEventListener("load", () => fit(frame)));
  document.querySelectorAll("input[name=width]").forEach(input => input.addEventListener("change", fitAll));
  addEventListener("resize", fitAll);
  addEventListener("load", fitAll);
