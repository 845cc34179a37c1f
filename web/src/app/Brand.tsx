// The application's name with its picture.

export function Brand() {
  return (
    <div className="door-brand">
      <img src="/icon.svg" alt="" width={48} height={48} />
      <p>Fototeca</p>
    </div>
  );
}
